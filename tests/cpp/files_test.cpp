// Files with bytes changed: they are read, or refused by a c10::ValueError.
#include <torch_rbm/torch_rbm.h>

#include <torch/torch.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <random>
#include <string>

namespace torch_rbm {
namespace {

std::string temporary(const std::string& name) {
  return (std::filesystem::path(testing::TempDir()) / name).string();
}

std::string read(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

void write(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

// Some bytes set, left out, doubled or cut off.
std::string changed(std::string content, std::mt19937& random) {
  const auto below = [&](size_t count) {
    return std::uniform_int_distribution<size_t>(0, std::max<size_t>(count, 1) - 1)(random);
  };
  for (size_t changes = 1 + below(4); changes > 0 && !content.empty(); --changes) {
    const size_t at = below(content.size());
    const size_t length = std::min(1 + below(8), content.size() - at);
    switch (below(5)) {
      case 0:
        content.erase(at, length);
        break;
      case 1:
        content.insert(at, content.substr(at, length));
        break;
      case 2:
        content.resize(at);
        break;
      default:
        for (size_t i = at; i < at + length; ++i) {
          content[i] = static_cast<char>(below(256));
        }
    }
  }
  return content;
}

template <typename Load>
void expect_words(const std::string& original, const Load& load) {
  std::mt19937 random(7);
  const std::string path = temporary("changed.pt");
  int refused = 0;
  int loaded = 0;
  for (int i = 0; i < 1000; ++i) {
    write(path, changed(original, random));
    try {
      load(path);
      ++loaded;
    } catch (const c10::ValueError& error) {
      EXPECT_NE(std::string(error.what_without_backtrace()).find("expected"), std::string::npos);
      ++refused;
    }
  }
  EXPECT_EQ(refused + loaded, 1000);
  EXPECT_GT(refused, 300);
}

TEST(Files, AChangedRBMIsReadOrRefused) {
  const std::string path = temporary("rbm.pt");
  save(RBM(3, 2), path);
  expect_words(read(path), [](const std::string& file) { static_cast<void>(load_rbm(file)); });
}

TEST(Files, AChangedDBNIsReadOrRefused) {
  const std::string path = temporary("dbn.pt");
  save(DBN(std::vector<int64_t>{3, 2, 2}), path);
  expect_words(read(path), [](const std::string& file) { static_cast<void>(load_dbn(file)); });
}

}  // namespace
}  // namespace torch_rbm
