// SPDX-License-Identifier: Apache-2.0
#include "artifact/pickle_machine.h"

#include <bit>

#include "artifact/joblib_array.h"
#include "artifact/pickle_builder.h"
#include "artifact/pickle_memo.h"
#include "artifact/pickle_opcodes.h"
#include "artifact/pickle_scalars.h"
#include "artifact/pickle_stream.h"

namespace runup::artifact {

namespace {

constexpr std::uint64_t kMaxOpcodes = 50'000'000;
constexpr std::size_t kMaxStack = 10'000'000;

using Done = Read<void>;

// Runs one pickle: the stack, the marks and the memo are its own, the values are the builder's.
class Machine {
 public:
  Machine(PickleStream& stream, PickleBuilder& builder, const PickleOptions& options)
      : stream_(stream), build_(builder), options_(options) {}

  // The value that STOP leaves.
  Read<ValueId> run() {
    for (std::uint64_t count = 0; count < kMaxOpcodes; ++count) {
      if (stream_.left() == 0) {
        return problem(DefectKind::truncated, "the pickle ends without a STOP", stream_.position());
      }
      const std::uint64_t at = stream_.position();
      const auto byte = *stream_.number<std::uint8_t>();
      build_.pickle().opcodes.set(byte);
      const auto op = static_cast<Op>(byte);
      if (op == Op::stop) {
        return pop();
      }
      if (Done ok = step(op); !ok) {
        Problem why = ok.error();
        const std::string_view name = opcode_name(byte);
        why.message = name.empty() ? std::format("byte {:#04x} is no pickle opcode", byte)
                                   : std::format("{}: {}", name, why.message);
        why.offset = at;
        return std::unexpected(std::move(why));
      }
      if (stack_.size() > kMaxStack || build_.full()) {
        return problem(DefectKind::over_limit, "the pickle holds more values than are read", at);
      }
    }
    return problem(DefectKind::over_limit, std::format("more than {} opcodes", kMaxOpcodes),
                   stream_.position());
  }

 private:
  Done step(Op op) {
    // Each group answers nothing for an opcode of another one.
    for (auto group : {&Machine::scalar_op, &Machine::stack_op, &Machine::memo_op, &Machine::container_op,
                       &Machine::object_op}) {
      if (auto done = (this->*group)(op)) {
        return *done;
      }
    }
    return problem(DefectKind::malformed, "unknown opcode");
  }

  std::optional<Done> scalar_op(Op op) {
    auto value = read_scalar(op, stream_, build_);
    if (!value) {
      return std::nullopt;
    }
    return *value ? push(**value) : Done(std::unexpected(value->error()));
  }

  std::optional<Done> stack_op(Op op) {
    switch (op) {
      case Op::proto:
        return set_protocol();
      case Op::frame: {
        const auto size = stream_.number<std::uint64_t>();
        return !size ? fail_with(size.error())
               : *size > stream_.left()
                   ? fail_with(Problem{
                         .kind = DefectKind::truncated,
                         .message = std::format("a frame of {} bytes; {} are left", *size, stream_.left())})
                   : Done();
      }
      case Op::mark:
        marks_.push_back(stack_.size());
        return marks_.size() > kMaxStack
                   ? fail_with(Problem{.kind = DefectKind::over_limit, .message = "too many marks"})
                   : Done();
      case Op::pop:
        if (!marks_.empty() && marks_.back() == stack_.size()) {
          marks_.pop_back();
          return Done();
        }
        return drop(pop());
      case Op::pop_mark:
        return drop(pop_to_mark());
      case Op::dup: {
        const auto value = top();
        return value ? push(*value) : fail_with(value.error());
      }
      default:
        return std::nullopt;
    }
  }

  Done set_protocol() {
    const auto version = stream_.number<std::uint8_t>();
    if (!version) {
      return std::unexpected(version.error());
    }
    if (*version > kHighestProtocol) {
      return problem(DefectKind::malformed,
                     std::format("pickle protocol {}; the highest is {}", *version, kHighestProtocol));
    }
    build_.pickle().protocol = std::max<int>(build_.pickle().protocol, *version);
    return {};
  }

  std::optional<Done> memo_op(Op op) {
    switch (op) {
      case Op::put:
        return put(read_index_line(stream_));
      case Op::binput:
        return put(stream_.number<std::uint8_t>());
      case Op::long_binput:
        return put(stream_.number<std::uint32_t>());
      case Op::memoize:
        return put(Read<std::uint32_t>(memo_.filled()));
      case Op::get:
        return get(read_index_line(stream_));
      case Op::binget:
        return get(stream_.number<std::uint8_t>());
      case Op::long_binget:
        return get(stream_.number<std::uint32_t>());
      default:
        return std::nullopt;
    }
  }

  Done put(Read<std::uint32_t> index) {
    const auto value = top();
    if (!index || !value) {
      return std::unexpected(!index ? index.error() : value.error());
    }
    memo_.put(*index, *value);
    return {};
  }

  Done get(Read<std::uint32_t> index) {
    if (!index) {
      return std::unexpected(index.error());
    }
    const ValueId value = memo_.get(*index);
    if (value == kNoValue) {
      return problem(DefectKind::malformed, std::format("memo slot {} was never filled", *index));
    }
    build_.count_use(value);
    return push(value);
  }

  std::optional<Done> container_op(Op op) {
    switch (op) {
      case Op::empty_tuple:
        return push(build_.empty_tuple());
      case Op::tuple1:
        return make_tuple(1);
      case Op::tuple2:
        return make_tuple(2);
      case Op::tuple3:
        return make_tuple(3);
      case Op::empty_list:
        return push(build_.make(ValueKind::list));
      case Op::empty_dict:
        return push(build_.make(ValueKind::dict));
      case Op::empty_set:
        return push(build_.make(ValueKind::set));
      case Op::tuple:
        return from_mark(ValueKind::tuple);
      case Op::list:
        return from_mark(ValueKind::list);
      case Op::frozenset:
        return from_mark(ValueKind::frozenset);
      case Op::dict:
        return from_mark(ValueKind::dict);
      case Op::append:
        return fill(pop_one(), FillKind::append);
      case Op::appends:
        return fill(pop_to_mark(), FillKind::append);
      case Op::additems:
        return fill(pop_to_mark(), FillKind::add);
      case Op::setitem:
        return fill(pop_count(2), FillKind::set);
      case Op::setitems:
        return fill(pop_to_mark(), FillKind::set);
      default:
        return std::nullopt;
    }
  }

  Done make_tuple(std::size_t count) {
    auto items = pop_count(count);
    return items ? push(build_.make(ValueKind::tuple, std::move(*items))) : fail_with(items.error());
  }

  Done from_mark(ValueKind kind) {
    auto items = pop_to_mark();
    if (!items) {
      return std::unexpected(items.error());
    }
    if (kind != ValueKind::dict) {
      return push(build_.make(kind, std::move(*items)));
    }
    const ValueId dict = build_.make(ValueKind::dict);
    const Done filled = build_.fill(dict, std::move(*items), FillKind::set);
    return filled ? push(dict) : filled;
  }

  Done fill(Read<std::vector<ValueId>> items, FillKind kind) {
    const auto target = items ? top() : Read<ValueId>(std::unexpected(items.error()));
    return target ? build_.fill(*target, std::move(*items), kind) : fail_with(target.error());
  }

  std::optional<Done> object_op(Op op) {
    switch (op) {
      case Op::global: {
        const auto module = stream_.line();
        const auto name = module ? stream_.line() : module;
        return name ? push_global(*module, *name) : fail_with(name.error());
      }
      case Op::stack_global: {
        const auto names = pop_count(2);
        return names ? stack_global((*names)[0], (*names)[1]) : fail_with(names.error());
      }
      case Op::inst:
        return inst();
      case Op::obj:
        return obj();
      case Op::reduce:
        return call(CallForm::reduce, pop_count(2));
      case Op::newobj:
        return call(CallForm::new_object, pop_count(2));
      case Op::newobj_ex:
        return call(CallForm::new_object, pop_count(3));
      case Op::build:
        return build();
      case Op::persid: {
        const auto line = stream_.line();
        return line ? push(build_.persistent(build_.text(ValueKind::text, *line))) : fail_with(line.error());
      }
      case Op::binpersid: {
        const auto id = pop();
        return id ? push(build_.persistent(*id)) : fail_with(id.error());
      }
      case Op::ext1:
      case Op::ext2:
      case Op::ext4:
        return fail_with(
            Problem{.message = "an extension code stands for a class that only the saving program knows"});
      case Op::next_buffer:
        return fail_with(Problem{.message = "a buffer is expected that is not in the file"});
      case Op::readonly_buffer:
        return drop(top());
      default:
        return std::nullopt;
    }
  }

  Done push_global(std::string_view module, std::string_view name) {
    auto value = build_.global(module, name);
    return value ? push(*value) : fail_with(value.error());
  }

  Done stack_global(ValueId module, ValueId name) {
    const auto module_text = build_.pickle().text(module);
    const auto name_text = build_.pickle().text(name);
    if (!module_text || !name_text) {
      return problem(DefectKind::malformed, "module and name must be text");
    }
    return push_global(*module_text, *name_text);
  }

  Done inst() {
    const auto module = stream_.line();
    const auto name = module ? stream_.line() : module;
    auto items = name ? pop_to_mark() : Read<std::vector<ValueId>>(std::unexpected(name.error()));
    auto callee = items ? build_.global(*module, *name) : Read<ValueId>(std::unexpected(items.error()));
    if (!callee) {
      return std::unexpected(callee.error());
    }
    const ValueId args = build_.make(ValueKind::tuple, std::move(*items));
    return push(build_.object({.form = CallForm::instance, .callee = *callee, .args = args}));
  }

  Done obj() {
    auto items = pop_to_mark();
    if (!items || items->empty()) {
      return items ? problem(DefectKind::malformed, "no class behind the mark")
                   : Done(std::unexpected(items.error()));
    }
    const ValueId callee = items->front();
    items->erase(items->begin());
    const ValueId args = build_.make(ValueKind::tuple, std::move(*items));
    return call(CallForm::instance, std::vector<ValueId>{callee, args});
  }

  // `parts`: callee, args and, for NEWOBJ_EX, kwargs.
  Done call(CallForm form, Read<std::vector<ValueId>> parts) {
    if (!parts) {
      return std::unexpected(parts.error());
    }
    ObjectValue object{.form = form, .callee = (*parts)[0], .args = (*parts)[1]};
    if (parts->size() > 2) {
      object.kwargs = (*parts)[2];
    }
    if (Done ok = build_.check_call(object); !ok) {
      return ok;
    }
    return push(build_.object(std::move(object)));
  }

  Done build() {
    const auto state = pop();
    const auto target = state ? top() : state;
    if (!target) {
      return std::unexpected(target.error());
    }
    if (Done ok = build_.set_state(*target, *state); !ok || !options_.joblib) {
      return ok;
    }
    const auto wrapper = joblib_array(build_.pickle(), *target);
    if (!wrapper) {
      return {};
    }
    const auto payload =
        *wrapper && (*wrapper)->pickled ? Machine(stream_, build_, {}).run() : read_payload(*wrapper);
    if (payload) {
      build_.set_payload(*target, *payload);
    }
    return drop(payload);
  }

  Read<ValueId> read_payload(const Read<JoblibArray>& array) {
    if (!array) {
      return std::unexpected(array.error());
    }
    if (array->aligned) {
      const auto padding = stream_.number<std::uint8_t>();
      const auto skipped =
          padding ? stream_.take(*padding) : Read<std::string_view>(std::unexpected(padding.error()));
      if (!skipped) {
        return std::unexpected(skipped.error());
      }
    }
    const auto data = stream_.take(array->bytes);
    if (!data) {
      return std::unexpected(data.error());
    }
    return build_.text(ValueKind::bytes, *data);
  }

  // Nothing above the last mark may be taken but by the opcodes that end it.
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  Read<ValueId> top() const {
    if (stack_.size() <= floor()) {
      return problem(DefectKind::malformed, "nothing is on the stack", stream_.position());
    }
    return stack_.back();
  }

  Read<ValueId> pop() {
    auto value = top();
    if (value) {
      stack_.pop_back();
    }
    return value;
  }

  Read<std::vector<ValueId>> pop_count(std::size_t count) {
    if (stack_.size() < floor() + count) {
      return problem(DefectKind::malformed, std::format("{} values are needed; {} are on the stack", count,
                                                        stack_.size() - floor()));
    }
    std::vector<ValueId> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }
  Read<std::vector<ValueId>> pop_one() { return pop_count(1); }

  Read<std::vector<ValueId>> pop_to_mark() {
    if (marks_.empty()) {
      return problem(DefectKind::malformed, "no mark is on the stack");
    }
    const std::size_t mark = marks_.back();
    marks_.pop_back();
    std::vector<ValueId> items(stack_.begin() + static_cast<std::ptrdiff_t>(mark), stack_.end());
    stack_.resize(mark);
    return items;
  }

  Done push(ValueId value) {
    stack_.push_back(value);
    return {};
  }

  static Done fail_with(Problem why) { return std::unexpected(std::move(why)); }
  template <class T>
  static Done drop(const Read<T>& value) {
    return value ? Done() : Done(std::unexpected(value.error()));
  }

  PickleStream& stream_;
  PickleBuilder& build_;
  PickleOptions options_;
  std::vector<ValueId> stack_;
  std::vector<std::size_t> marks_;
  PickleMemo memo_;
};

}  // namespace

Pickle read_pickle(Bytes stream, std::uint64_t offset, const PickleOptions& options) {
  Pickle pickle;
  PickleStream source(stream, std::min<std::uint64_t>(offset, stream.size()));
  PickleBuilder builder(pickle);
  auto root = Machine(source, builder, options).run();
  pickle.end = source.position();
  if (root) {
    pickle.root = *root;
  } else {
    pickle.problem = root.error();
  }
  return pickle;
}

}  // namespace runup::artifact
