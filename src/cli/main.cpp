// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"
#include "program/roles.h"

int main(int argc, char** argv) {
  if (const auto code = runup::run_role(argc, argv)) {
    return *code;
  }
  return runup::run_command_line(argc, argv);
}
