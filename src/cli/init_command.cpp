// SPDX-License-Identifier: Apache-2.0
#include "cli/init_command.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <format>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "base/scratch_folder.h"
#include "base/text.h"
#include "check/catalogue.h"
#include "cli/plan_source.h"
#include "init/structure.h"
#include "init/text.h"
#include "report/layout.h"
#include "runner/core_probes.h"

namespace runup {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStandardOutput = "-";
constexpr std::string_view kArchitectureFolder = "architectures";

struct Place {
  // absolute, without links
  std::string package;
  // absolute; empty for standard output
  std::string output;
  // as the user would write it
  std::string shown;
  // it is there, and stays as it is
  bool has_config = false;
  init::Placement placement;
};

std::unexpected<Error> refuse(std::string message) { return fail(ErrorCode::bad_input, std::move(message)); }

Result<std::string> find_package(const std::string& folder) {
  std::error_code error;
  if (!fs::exists(folder, error)) {
    return refuse(std::format("there is no folder `{}`", printable(folder)));
  }
  if (!fs::is_directory(folder, error)) {
    return refuse(std::format("`{}` is no folder; name the folder of the service", printable(folder)));
  }
  if (::access(folder.c_str(), R_OK | X_OK) != 0) {
    return std::unexpected(system_error(std::format("cannot look into `{}`", printable(folder)), errno));
  }
  fs::path real = fs::canonical(folder, error);
  return error ? refuse(std::format("cannot find `{}`: {}", printable(folder), error.message()))
               : Result<std::string>(real.string());
}

// The folder of the config, without links, so that the way from it to the package is one that exists.
Result<std::string> find_output_folder(const std::string& output) {
  std::error_code error;
  const fs::path parent = fs::path(output).parent_path();
  const fs::path folder = parent.empty() ? fs::path(".") : parent;
  if (!fs::is_directory(folder, error)) {
    return refuse(std::format("cannot write `{}`: there is no folder `{}`", printable(output),
                              printable(folder.string())));
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    return refuse(
        std::format("cannot write `{}`: the folder is not writable; `--output FILE` names another, `--output "
                    "-` prints it",
                    printable(output)));
  }
  return fs::canonical(folder, error).string();
}

Result<Place> find_place(const InitArguments& arguments) {
  auto package = find_package(arguments.folder);
  if (!package) {
    return std::unexpected(package.error());
  }
  Place place{.package = std::move(*package), .output = {}, .shown = {}, .placement = {}};
  place.placement.name = fs::path(place.package).filename().string();
  if (arguments.output == kStandardOutput) {
    return arguments.architecture
               ? Result<Place>(refuse("`--architecture` writes files beside the config, so that "
                                      "`--output -` leaves them no place"))
               : place;
  }
  place.shown = !arguments.output.empty() ? arguments.output
                : arguments.folder == "." ? kDefaultConfig
                                          : (fs::path(arguments.folder) / kDefaultConfig).string();
  std::error_code error;
  if (fs::is_directory(place.shown, error)) {
    return refuse(
        std::format("cannot write `{}`: it is a folder; name a file in it", printable(place.shown)));
  }
  const bool there = fs::exists(fs::symlink_status(place.shown, error));
  place.has_config = there && arguments.architecture && !arguments.force;
  if (there && !arguments.force && !arguments.architecture) {
    return refuse(
        std::format("`{}` is there already; `--force` writes over it, `--output -` prints the new one",
                    printable(place.shown)));
  }
  const auto folder = find_output_folder(place.shown);
  if (!folder) {
    return std::unexpected(folder.error());
  }
  place.output = (fs::path(*folder) / fs::path(place.shown).filename()).string();
  if (*folder != place.package) {
    place.placement.package = fs::path(place.package).lexically_relative(*folder).string();
    place.placement.prefix = place.placement.package + "/";
    if (!is_valid_utf8(place.placement.package)) {
      return refuse("the way from the config to the package is no UTF-8; put the config into the package");
    }
  }
  return place;
}

// What observing needs, for as long as it goes on.
class Observing {
 public:
  static Result<std::unique_ptr<Observing>> start(const Session& session) {
    auto observing = std::unique_ptr<Observing>(new Observing(session));
    auto supervisor = Supervisor::start(&SignalWatch::flag());
    if (!supervisor) {
      return std::unexpected(supervisor.error());
    }
    observing->supervisor = std::move(*supervisor);
    if (auto limits = read_limits_from_environment(observing->settings); !limits) {
      return std::unexpected(limits.error());
    }
    return observing;
  }

  RunnerSettings settings;
  std::unique_ptr<Supervisor> supervisor;

 private:
  explicit Observing(const Session& session)
      : settings{.probe_folder = session.probe_folder, .interrupted = &SignalWatch::flag()},
        progress_(session.err) {
    settings.progress = [this](const std::string& text) { progress_.show(text); };
  }

  ProgressLine progress_;
};

Result<init::Survey> look(const std::string& package, const Session& session) {
  const auto observing = Observing::start(session);
  if (!observing) {
    return std::unexpected(observing.error());
  }
  return init::survey_package(package, (*observing)->settings, *(*observing)->supervisor);
}

// What is wrong with the text as a config, which would be a mistake of ours; empty when nothing is.
Result<std::string> problems_of(const std::string& text) {
  const auto scratch = ScratchFolder::make("runup-init");
  if (!scratch) {
    return std::unexpected(scratch.error());
  }
  const std::string file = scratch->path() + "/" + kDefaultConfig;
  if (auto written = write_file_atomically(file, text); !written) {
    return std::unexpected(written.error());
  }
  std::string problems;
  if (const auto plan = load_config({.config = file, .catalogue = built_in_checks()}); !plan) {
    for (const ConfigError& error : plan.error()) {
      problems += std::format("\n  {}:{}:{}: {}", kDefaultConfig, error.line, error.column, error.message);
    }
  }
  return problems;
}

// A file that came into being meanwhile is left as it is.
Result<void> write_new_file(const std::string& path, const std::string& text, bool force) {
  if (force) {
    return write_file_atomically(path, text);
  }
  const std::string temporary = std::format("{}.{}.new", path, ::getpid());
  if (auto written = write_file_atomically(temporary, text); !written) {
    return written;
  }
  const int linked = ::link(temporary.c_str(), path.c_str());
  const int why = errno;
  if (linked != 0 && why != EEXIST) {
    // a file system without hard links
    if (::rename(temporary.c_str(), path.c_str()) == 0) {
      return {};
    }
  }
  ::unlink(temporary.c_str());
  return linked == 0 ? Result<void>{}
                     : std::unexpected(system_error(std::format("cannot write `{}`", printable(path)), why));
}

void list_words(std::string& text, std::string_view title, const std::vector<std::string>& words, int width) {
  if (!words.empty()) {
    constexpr std::size_t kPlainWidth = 100;
    append_wrapped(text, title, title.size(), join_words(words, 8),
                   width > 0 ? static_cast<std::size_t>(width) : kPlainWidth);
  }
}

// What was written, what waits for the user, and what comes next.
std::string summary(const init::Draft& draft, const Place& place, int width) {
  std::size_t conversions = 0;
  for (const init::DraftModel& model : draft.models) {
    conversions += model.declared.conversions.size();
  }
  std::string text =
      std::format("wrote {}: {}", printable(place.shown), count_of(draft.models.size(), "model", "models"));
  if (conversions > 0) {
    text += std::format(", {}", count_of(conversions, "conversion", "conversions"));
  }
  text += draft.service ? ", the service\n" : "\n";
  list_words(text, "  guessed:  ", draft.guessed, width);
  list_words(text, "  to fill:  ", draft.to_fill, width);
  text += std::format("  next:     runup run{}\n",
                      place.shown == kDefaultConfig ? "" : " " + printable(place.shown));
  return text;
}

// `architectures/sign.pt` for each of the config's models whose network can be taken.
struct Taken {
  std::string model;
  // relative to the config
  std::string path;
  init::Structure structure;
};
struct Takings {
  std::vector<Taken> taken;
  // "`sign`: the config names no `factory:` ..."
  std::vector<std::string> refused;
};

Result<Takings> take_structures(const Plan& plan, const Session& session) {
  const auto observing = Observing::start(session);
  if (!observing) {
    return std::unexpected(observing.error());
  }
  RunContext context{.plan = plan,
                     .settings = (*observing)->settings,
                     .supervisor = *(*observing)->supervisor,
                     .quiet = {},
                     .remarks_mutex = {},
                     .remarks = {}};
  const auto host = observe_host(context);
  const auto package = observe_package(context);
  Takings takings;
  for (const PlannedModel& model : plan.models) {
    if (!model.declaration.architecture.empty()) {
      takings.refused.push_back(std::format("`{}`: its `architecture:` is there already", model.name));
      continue;
    }
    auto structure = init::take_structure(context, model, package, host);
    if (context.interrupted()) {
      break;
    }
    if (structure) {
      takings.taken.push_back({.model = model.name,
                               .path = std::format("{}/{}.pt", kArchitectureFolder, model.name),
                               .structure = std::move(*structure)});
    } else {
      takings.refused.push_back(std::format("`{}`: {}", model.name, structure.error().describe()));
    }
  }
  return takings;
}

Result<void> write_structure(const Taken& taken, const Place& place, bool force) {
  const fs::path file = fs::path(place.output).parent_path() / taken.path;
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) {
    return refuse(std::format("cannot make the folder `{}`: {}", printable(file.parent_path().string()),
                              error.message()));
  }
  if (!force && fs::exists(fs::symlink_status(file, error))) {
    return refuse(
        std::format("`{}` is there already; remove it to have it made again", printable(file.string())));
  }
  return write_new_file(file.string(), taken.structure.bytes, force);
}

void tell(const Taken& taken, const Place& place) {
  const init::Structure& structure = taken.structure;
  const std::string shown = (fs::path(place.shown).parent_path() / taken.path).string();
  print(std::format(
      "wrote {}: the network of `{}`, {}, without its numbers ({})\n"
      "  checked:  {} filled it from the model file; it answers as the network does: {}, largest "
      "difference {:.2g}\n",
      printable(shown), printable(taken.model), structure.how, format_bytes(structure.bytes.size()),
      structure.witness, count_of(structure.answers, "answer", "answers"), structure.apart));
}

// Takes the networks' structures for the config that was written, or was there; `draft` for one that was written.
ExitCode add_architectures(const Place& place, const InitArguments& arguments, init::Draft* draft,
                           const Session& session) {
  const auto plan = load_plan({.config = place.output}, &SignalWatch::flag());
  if (!plan) {
    print_errors(plan.error());
    return exit_code(plan.error());
  }
  const auto takings = take_structures(*plan, session);
  if (SignalWatch::flag()) {
    return ExitCode::interrupted;
  }
  if (!takings) {
    complain(takings.error().describe());
    return ExitCode::undecided;
  }
  bool whole = takings->refused.empty();
  for (const Taken& taken : takings->taken) {
    if (auto written = write_structure(taken, place, arguments.force); !written) {
      complain(written.error().describe());
      whole = false;
      continue;
    }
    tell(taken, place);
    if (draft == nullptr) {
      print(std::format("  next:     add `architecture: {}` to the model `{}` in {}\n", printable(taken.path),
                        printable(taken.model), printable(place.shown)));
      continue;
    }
    const auto model = std::ranges::find(draft->models, taken.model, &init::DraftModel::name);
    if (model != draft->models.end()) {
      model->declared.architecture = taken.path;
      model->comments.why["architecture"] = "the network's structure, for hosts without the service's Python";
      model->comments.below.erase("architecture");
    }
  }
  for (const std::string& words : takings->refused) {
    complain("no architecture for " + words);
  }
  if (draft != nullptr && !takings->taken.empty()) {
    if (auto written = write_file_atomically(place.output, init::render_draft(*draft)); !written) {
      complain(written.error().describe());
      return ExitCode::bad_command_line;
    }
  }
  return whole ? ExitCode::ready : ExitCode::undecided;
}

}  // namespace

ExitCode init_command(const InitArguments& arguments, const Session& session) {
  const SignalWatch signals;
  const auto place = find_place(arguments);
  if (!place) {
    complain(place.error().describe());
    return ExitCode::bad_command_line;
  }
  if (place->has_config) {
    return add_architectures(*place, arguments, nullptr, session);
  }
  const auto survey = look(place->package, session);
  if (SignalWatch::flag()) {
    return ExitCode::interrupted;
  }
  if (!survey) {
    complain(survey.error().describe());
    return ExitCode::undecided;
  }
  auto draft = init::make_draft(*survey, place->placement);
  if (!draft) {
    complain(std::format(
        "nothing in `{}` looks like a model server: no model file (.pth, .safetensors, .onnx, ...), "
        "and no main.py or app.py that starts one; nothing was written",
        printable(arguments.folder)));
    return ExitCode::undecided;
  }
  const std::string text = init::render_draft(*draft);
  const auto problems = problems_of(text);
  if (!problems) {
    complain(std::format("the new config could not be tried: {}", problems.error().describe()));
    return ExitCode::undecided;
  }
  if (!problems->empty()) {
    complain(std::format(
        "this is a bug in runup: the config that it made does not load, and was not written:{}", *problems));
    return ExitCode::bad_config;
  }
  if (place->output.empty()) {
    print(text);
    return ExitCode::ready;
  }
  if (auto written = write_new_file(place->output, text, arguments.force); !written) {
    complain(written.error().describe());
    return ExitCode::bad_command_line;
  }
  print(summary(*draft, *place, session.out.width));
  return arguments.architecture ? add_architectures(*place, arguments, &*draft, session) : ExitCode::ready;
}

}  // namespace runup
