// SPDX-License-Identifier: Apache-2.0
#pragma once

// The inputs and outputs that were compared, written where a person can look at them.

#include <string>
#include <vector>

#include "base/result.h"
#include "facts/facts.h"
#include "runner/parity.h"

namespace runup {

// Writes below `folder` (absolute; made when it is not there):
//   MODEL/files.json                 the files, their names of the inputs and their tolerances
//   MODEL/repeat.py                  runs the conversions again with Python and compares
//   MODEL/INPUT/inputs/NAME.npy      for each input: `zeros`, `random-1`, `sample-2`
//   MODEL/INPUT/N/NAME.npy           what file N answered (0: the model's own)
// bfloat16 is written as float32, which NumPy has. Returns MODEL's folder.
Result<std::string> save_answers(const std::string& folder, const Facts& facts,
                                 const std::vector<FileAnswers>& files, const std::vector<Experiment>& asked);

}  // namespace runup
