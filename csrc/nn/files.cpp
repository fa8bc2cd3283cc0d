// Models in files that Python and C++ share: what torch.save makes of nested dicts, or, from C++,
// of tuples of pairs, as LibTorch writes a dict with the name of its type, which
// torch.load(weights_only=True) refuses.
#include "ops/checks.h"
#include <torch_rbm/files.h>

#include <torch/csrc/jit/serialization/pickle.h>
#include <torch/utils.h>

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <unistd.h>
#include <utility>
#include <vector>

namespace torch_rbm {

namespace {

using c10::IValue;
using Entries = std::map<std::string, IValue>;

template <typename... Args>
[[noreturn]] void refuse(const char* op, const std::string& path,
                         fmt::format_string<Args...> format, Args&&... args) {
  checks::value_error(op, "expected {} to be a model of torch_rbm, got {}", path,
                      fmt::format(format, std::forward<Args>(args)...));
}

// What Python calls a dict, or C++ a tuple of pairs.
Entries entries(const char* op, const std::string& path, const IValue& value) {
  Entries result;
  if (value.isGenericDict()) {
    for (const auto& item : value.toGenericDict()) {
      if (!item.key().isString()) {
        refuse(op, path, "a name that is no string");
      }
      result.emplace(item.key().toStringRef(), item.value());
    }
    return result;
  }
  if (!value.isTuple()) {
    refuse(op, path, "{} in place of a dict", value.tagKind());
  }
  for (const IValue& pair : value.toTupleRef().elements()) {
    if (!pair.isTuple() || pair.toTupleRef().elements().size() != 2 ||
        !pair.toTupleRef().elements()[0].isString()) {
      refuse(op, path, "a tuple of other things than pairs");
    }
    const auto& elements = pair.toTupleRef().elements();
    result.emplace(elements[0].toStringRef(), elements[1]);
  }
  return result;
}

// A list or tuple.
std::vector<IValue> elements(const IValue& value) {
  if (value.isTuple()) {
    const auto& items = value.toTupleRef().elements();
    return std::vector<IValue>(items.begin(), items.end());
  }
  return value.toListRef().vec();
}

// A file's model: its description and its parameters by name.
class File {
 public:
  File(const char* op, std::string path) : op_(op), path_(std::move(path)) {
    std::ifstream stream(path_, std::ios::binary);
    if (!stream) {
      checks::value_error(op_, "expected a file {}, found none", path_);
    }
    const std::vector<char> bytes{std::istreambuf_iterator<char>(stream),
                                  std::istreambuf_iterator<char>()};
    IValue content;
    try {
      content = torch::jit::pickle_load(bytes);
    } catch (const std::exception&) {
      refuse(op_, path_, "something that torch::pickle_load cannot read");
    }
    const Entries all = entries(op_, path_, content);
    description_ = entries(op_, path_, entry(all, "model"));
    for (const auto& [name, value] : entries(op_, path_, entry(all, "parameters"))) {
      if (!value.isTensor()) {
        refuse(op_, path_, "a parameter {} that is no tensor", name);
      }
      parameters_.emplace(name, value.toTensor());
    }
  }

  void expect(const char* kind) const {
    const IValue& name = value("class");
    if (!name.isString() || name.toStringRef() != kind) {
      refuse(op_, path_, "{} instead of {}", name.isString() ? name.toStringRef() : "thing", kind);
    }
  }

  [[nodiscard]] const IValue& value(const char* name) const { return entry(description_, name); }

  [[nodiscard]] int64_t number(const char* name) const {
    if (!value(name).isInt()) {
      refuse(op_, path_, "{} that is no int", name);
    }
    return value(name).toInt();
  }

  [[nodiscard]] bool truth(const char* name) const {
    if (!value(name).isBool()) {
      refuse(op_, path_, "{} that is no bool", name);
    }
    return value(name).toBool();
  }

  /// Units as the operators spell them: a string, or groups (name, type, elements).
  [[nodiscard]] std::string units(const IValue& value) const {
    if (value.isString()) {
      return value.toStringRef();
    }
    std::string result;
    for (const IValue& group : elements(value)) {
      const std::vector<IValue> parts = elements(group);
      if (parts.size() != 3 || !parts[1].isString() || !parts[2].isInt()) {
        refuse(op_, path_, "units that are no groups");
      }
      result += fmt::format("{}{}:{}", result.empty() ? "" : ", ", parts[1].toStringRef(),
                            parts[2].toInt());
    }
    return result;
  }

  void copy_parameters(const torch::nn::Module& module) const {
    const torch::NoGradGuard no_grad;
    const auto own = module.named_parameters();
    if (own.size() != parameters_.size()) {
      refuse(op_, path_, "{} parameters in place of {}", parameters_.size(), own.size());
    }
    for (const auto& parameter : own) {
      const auto found = parameters_.find(parameter.key());
      if (found == parameters_.end() || found->second.sizes() != parameter.value().sizes()) {
        refuse(op_, path_, "no parameter {} of the right shape", parameter.key());
      }
      parameter.value().set_data(found->second.clone());
    }
  }

 private:
  [[nodiscard]] const IValue& entry(const Entries& entries, const char* name) const {
    const auto found = entries.find(name);
    if (found == entries.end()) {
      refuse(op_, path_, "nothing called {}", name);
    }
    return found->second;
  }

  const char* op_;
  std::string path_;
  Entries description_;
  std::map<std::string, Tensor> parameters_;
};

// Pairs of names and values as a tuple of tuples.
class Pairs {
 public:
  Pairs& add(const std::string& name, const IValue& value) {
    pairs_.emplace_back(c10::ivalue::Tuple::create({IValue(name), value}));
    return *this;
  }

  [[nodiscard]] IValue tuple() const { return c10::ivalue::Tuple::create(pairs_); }

 private:
  std::vector<IValue> pairs_;
};

template <typename T>
IValue tuple_of(const std::vector<T>& values) {
  return c10::ivalue::Tuple::create(std::vector<IValue>(values.begin(), values.end()));
}

std::string dtype_name(const Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kDouble:
      return "float64";
    case at::kHalf:
      return "float16";
    case at::kBFloat16:
      return "bfloat16";
    default:
      return "float32";
  }
}

// Writes a temporary file beside the target, flushes it to the disk and renames it.
void write(const char* op, const std::vector<char>& bytes, const std::string& path) {
  const std::filesystem::path target(path);
  std::filesystem::path temporary = target;
  temporary += fmt::format(".{:08x}.tmp", std::random_device()());
  std::error_code ignored;
  {
    std::ofstream stream(temporary, std::ios::binary);
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    stream.close();
    if (!stream) {
      std::filesystem::remove(temporary, ignored);
      checks::value_error(op, "expected a file that can be written, got {}", path);
    }
  }
  if (const int descriptor = ::open(temporary.c_str(), O_RDONLY); descriptor >= 0) {
    ::fsync(descriptor);
    ::close(descriptor);
  }
  std::error_code failed;
  std::filesystem::rename(temporary, target, failed);
  if (failed) {
    std::filesystem::remove(temporary, ignored);
    checks::value_error(op, "expected a file that can be replaced, got {}: {}", path,
                        failed.message());
  }
}

void save(const torch::nn::Module& module, const Pairs& description, const std::string& path) {
  Pairs parameters;
  for (const auto& parameter : module.named_parameters()) {
    parameters.add(parameter.key(), parameter.value().detach().cpu().contiguous());
  }
  const IValue content = Pairs()
                             .add("kind", "model")
                             .add("model", description.tuple())
                             .add("parameters", parameters.tuple())
                             .tuple();
  write("save", torch::jit::pickle_save(content), path);
}

}  // namespace

void save(const RBM& rbm, const std::string& path) {
  const RBMOptions& options = rbm->options();
  save(*rbm,
       Pairs()
           .add("class", "RBM")
           .add("visible", rbm->weight.size(1))
           .add("hidden", rbm->weight.size(0))
           .add("visible_units", options.visible_units)
           .add("hidden_units", options.hidden_units)
           .add("learn_precision", options.learn_precision)
           .add("dtype", dtype_name(rbm->weight)),
       path);
}

void save(const DBN& dbn, const std::string& path) {
  save(*dbn,
       Pairs()
           .add("class", "DBN")
           .add("sizes", tuple_of(dbn->sizes()))
           .add("units", tuple_of(dbn->units()))
           .add("classes", 0)
           .add("tied", true)
           .add("dtype", dtype_name(dbn->layers().front()->weight)),
       path);
}

RBM load_rbm(const std::string& path) {
  const File file("load_rbm", path);
  file.expect("RBM");
  RBM rbm(file.number("visible"), file.number("hidden"),
          RBMOptions{file.units(file.value("visible_units")),
                     file.units(file.value("hidden_units")), file.truth("learn_precision")});
  file.copy_parameters(*rbm);
  return rbm;
}

DBN load_dbn(const std::string& path) {
  const File file("load_dbn", path);
  file.expect("DBN");
  if (file.number("classes") != 0 || !file.truth("tied")) {
    checks::value_error("load_dbn",
                        "expected a net without labels and with tied weights in {}; for others, "
                        "torch.jit.script(dbn).save(...) in Python",
                        path);
  }
  std::vector<int64_t> sizes;
  for (const IValue& size : elements(file.value("sizes"))) {
    sizes.push_back(size.toInt());
  }
  std::vector<std::string> units;
  for (const IValue& of_layer : elements(file.value("units"))) {
    units.push_back(file.units(of_layer));
  }
  DBN dbn(std::move(sizes), std::move(units));
  file.copy_parameters(*dbn);
  return dbn;
}

}  // namespace torch_rbm
