#include "oversight/json_twins.h"

#include <set>
#include <utility>
#include <vector>

#include "encoding/json.h"

namespace pawl::oversight {
namespace {

using encoding::Json;

// Names of the objects that are open where the lexer stands.
class TwinFinder : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool start_object(std::size_t) override {
    open_.emplace_back();
    return true;
  }
  bool end_object() override {
    open_.pop_back();
    return true;
  }
  bool key(string_t& name) override {
    if (open_.back().insert(name).second) return true;
    twin = std::move(name);
    return false;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  std::optional<std::string> twin;

 private:
  std::vector<std::set<std::string>> open_;
};

}  // namespace

std::optional<std::string> FindTwinName(std::string_view json) {
  TwinFinder finder;
  Json::sax_parse(json.begin(), json.end(), &finder);
  return finder.twin;
}

}  // namespace pawl::oversight
