#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `runup inspect`: what is in a file, whatever the file is.
# shellcheck disable=SC2016 # the backticks are those of messages
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

model=$source/configs/examples/sign-language-service/models/cnn_bilstm_attention_model.pth
cd "$work" || exit 1

run 0 inspect "$model"
for text in 'PyTorch checkpoint' model_state_dict label_encoder float32 안녕하세요 sklearn.preprocessing._label.LabelEncoder; do
  contains "$out" "$text"
done
is_empty "$err"
lacks "$out" $'\x1b'
lacks "$out" "$(sha256sum "$model" | cut -c 1-64)"
run 0 inspect "$model" --hash
contains "$out" "$(sha256sum "$model" | cut -c 1-64)"
lacks "$out" ' to 2.471'
run 0 inspect "$model" --values
contains "$out" '-1 to 1'
run 0 inspect "$model" --json
contains "$out" '"kind": "torch-zip"'
run 0 inspect "$model" --json --hash
contains "$out" "\"sha256\": \"$(sha256sum "$model" | cut -c 1-64)\""

head -c 100000 "$model" >cut.pth
run 1 inspect cut.pth
contains "$out" 'truncated'
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 1234567\n' 7 >pointer.pth
run 1 inspect pointer.pth
contains "$out" 'LFS'
contains "$out" '1.18 MiB'
: >empty.pth
run 1 inspect empty.pth
contains "$out" 'empty'
run 1 inspect empty.pth --json
contains "$out" '"kind": "empty"'

run 2 inspect none.pth
contains "$err" 'No such file'
is_empty "$out"
run 2 inspect .
contains "$err" 'folder'
mkfifo pipe.pth
run 2 inspect pipe.pth
contains "$err" 'no regular file'

# a reader that is gone is no error
"$program" inspect "$model" 2>"$err" | true
equals "${PIPESTATUS[0]}" 0
is_empty "$err"
finish
