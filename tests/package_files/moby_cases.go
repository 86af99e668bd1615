// SPDX-License-Identifier: Apache-2.0
// How docker_cases.json was made: compiled with golang-github-moby-patternmatcher-dev of Debian 13, not part
// of any build. Reads {"text", "paths"} lines and answers as BuildKit does when it walks the build context:
// for each path whether it is left out, or an error.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

type question struct {
	Text  string
	Paths []string
}

type answer struct {
	Error bool   `json:"error"`
	Out   []bool `json:"out"`
}

func excluded(matcher *patternmatcher.PatternMatcher, path string) (bool, error) {
	info := patternmatcher.MatchInfo{}
	out := false
	var err error
	for i := 0; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			continue
		}
		if out, info, err = matcher.MatchesUsingParentResults(path[:i], info); err != nil {
			return false, err
		}
	}
	return out, nil
}

func reply(q question) answer {
	patterns, err := ignorefile.ReadAll(strings.NewReader(q.Text))
	if err != nil {
		return answer{Error: true}
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return answer{Error: true}
	}
	a := answer{}
	for _, path := range q.Paths {
		out, err := excluded(matcher, strings.TrimSuffix(path, "/"))
		if err != nil {
			return answer{Error: true}
		}
		a.Out = append(a.Out, out)
	}
	return a
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			panic(err)
		}
		text, _ := json.Marshal(reply(q))
		fmt.Println(string(text))
	}
}
