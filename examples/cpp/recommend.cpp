// Recommends items from a file that `torch-rbm recommend export` has written; no Python is needed.
//
//   recommend recommend.pt user 42         what a user of the training ratings may like
//   recommend recommend.pt rated 1=4.5 7=2 what someone with these ratings may like
//
// Linking torch_rbm is what makes its operators known to LibTorch.
#include <fmt/core.h>
#include <torch/script.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace {

constexpr int64_t kCount = 10;
// Items with fewer training ratings are left out: little is known of them.
constexpr int64_t kLeastRatings = 5;

std::vector<std::string> texts(const torch::jit::Module& recommender, const std::string& method) {
  std::vector<std::string> result;
  for (const c10::IValue& text : recommender.get_method(method)({}).toListRef()) {
    result.push_back(text.toStringRef());
  }
  return result;
}

int64_t number_of(const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw std::invalid_argument(fmt::format("there is no {:?} in the training ratings", name));
  }
  return found - names.begin();
}

// A profile of the user, and the items that she has rated.
struct User {
  c10::IValue profile;
  torch::Tensor seen;
};

User known_user(const torch::jit::Module& recommender, const std::string& name) {
  const int64_t user = number_of(texts(recommender, "user_names"), name);
  return {.profile = recommender.get_method("known_profile")({user}),
          .seen = recommender.get_method("seen")({user}).toTensor()};
}

User new_user(const torch::jit::Module& recommender, const std::vector<std::string>& rated) {
  const auto names = texts(recommender, "item_names");
  std::vector<int64_t> items;
  std::vector<double> ratings;
  for (const std::string& text : rated) {
    const auto equals = text.rfind('=');
    const auto digits = equals == std::string::npos ? text.size() : equals + 1;
    double rating{};
    const auto [end, error] =
        std::from_chars(text.data() + digits, text.data() + text.size(), rating);
    if (error != std::errc{} || end != text.data() + text.size()) {
      throw std::invalid_argument(fmt::format("expected a rating such as 318=4.5, got {}", text));
    }
    items.push_back(number_of(names, text.substr(0, equals)));
    ratings.push_back(rating);
  }
  const auto seen = torch::tensor(items, torch::kInt64);
  const auto levels = recommender.get_method("levels_of")({torch::tensor(ratings, torch::kDouble)});
  return {.profile = recommender.get_method("new_profile")({seen, levels}), .seen = seen};
}

void print_best(const torch::jit::Module& recommender, const User& user) {
  const auto titles = texts(recommender, "item_titles");
  const auto best =
      recommender.get_method("recommend")({user.profile, user.seen, kCount, kLeastRatings});
  const auto items = best.toTupleRef().elements()[0].toTensor();
  const auto ratings = best.toTupleRef().elements()[1].toTensor();
  for (int64_t rank = 0; rank < items.numel(); ++rank) {
    const auto item = static_cast<size_t>(items[rank].item<int64_t>());
    fmt::print("{:3}.  {:.2f}   {}\n", rank + 1, ratings[rank].item<double>(), titles.at(item));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool is_known = arguments.size() == 3 && arguments[1] == "user";
  const bool is_new = arguments.size() >= 2 && arguments[1] == "rated";
  if (!is_known && !is_new) {
    fmt::print(stderr,
               "usage: recommend FILE user NAME | recommend FILE rated [ITEM=RATING ...]\n");
    return 2;
  }
  try {
    const torch::NoGradGuard no_grad;
    const torch::jit::Module recommender = torch::jit::load(arguments[0]);
    print_best(recommender, is_known
                                ? known_user(recommender, arguments[2])
                                : new_user(recommender, {arguments.begin() + 2, arguments.end()}));
  } catch (const c10::Error& error) {
    fmt::print(stderr, "recommend: {}\n", error.what_without_backtrace());
    return 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "recommend: {}\n", error.what());
    return 1;
  }
}
