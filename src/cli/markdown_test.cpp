// SPDX-License-Identifier: Apache-2.0
#include "cli/markdown.h"

#include <catch2/catch_test_macros.hpp>

#include "base/text.h"

using namespace runup;

namespace {

constexpr std::string_view kPage = R"(# label-encoder

The labels of `models:` **must** fit the
output, one for one.

## Findings

### `class-count-mismatch`

Counts differ.

```yaml
# not a heading
checks:
  label-encoder: {severity: error}
```

- one item that is long enough to be
  broken into two lines
- another

| option | meaning |
|---|---|
| `load` | time until loaded |

## How to fix

Save it again.
)";

}  // namespace

TEST_CASE("markdown: laid out for the width, plain without colour") {
  const std::string text = render_markdown(kPage, 40, false);
  CHECK(text ==
        R"(label-encoder

The labels of `models:` must fit the
output, one for one.

Findings
class-count-mismatch
Counts differ.

    # not a heading
    checks:
      label-encoder: {severity: error}

- one item that is long enough to be
  broken into two lines
- another

  option  meaning
  `load`  time until loaded

How to fix
Save it again.
)");
}

TEST_CASE("markdown: colour marks code and strong words instead of backticks and stars") {
  const std::string text = render_markdown("has `code` and **strong**, a lone ` stays\n", 80, true);
  CHECK(text == "has \x1b[36mcode\x1b[0m and \x1b[1mstrong\x1b[0m, a lone ` stays\n");
}

TEST_CASE("markdown: a plugin's page cannot control the terminal") {
  const std::string text =
      render_markdown("# \x1b]0;x\x07\n\n\x1b[2J\n\n    \x1b[1m\n\n| \x1b | a |\n", 80, false);
  CHECK(!text.contains('\x1b'));
  CHECK(!text.contains('\x07'));
}

TEST_CASE("markdown: a section ends at the next heading of its level") {
  CHECK(markdown_section(kPage, "How to fix") == "## How to fix\n\nSave it again.\n");
  CHECK(markdown_section(kPage, "class-count-mismatch").starts_with("### `class-count-mismatch`"));
  CHECK(markdown_section(kPage, "class-count-mismatch").ends_with("time until loaded |\n\n"));
  CHECK(markdown_section(kPage, "Findings").contains("Counts differ"));
  CHECK(!markdown_section(kPage, "Findings").contains("Save it"));
  CHECK(markdown_section(kPage, "not a heading").empty());
  CHECK(markdown_section(kPage, "absent").empty());
}
