#include "cli/critic_model.h"

#include "charter/toml_reader.h"
#include "encoding/utf8.h"
#include "server/model_endpoint.h"
#include "storage/named_file.h"

namespace pawl::cli {
namespace {

constexpr size_t kSettingsBytesMax = 65'536, kKeyBytesMax = 4'096;
constexpr int64_t kModelNameBytesMax = 200;

Result<std::string> ReadKey(const std::string& path) {
  Result<std::string> key = storage::ReadNamedFile(path, kKeyBytesMax);
  if (!key.ok()) return key.error();
  while (!key->empty() && (key->back() == '\n' || key->back() == '\r')) key->pop_back();
  return key;
}

}  // namespace

Result<std::optional<oversight::LanguageModel>> ReadCriticModel(const std::string& reviewer_folder) {
  const std::string path = reviewer_folder + "/model.toml";
  const Result<std::string> text = storage::ReadNamedFile(path, kSettingsBytesMax);
  if (!text.ok()) {
    if (text.error().code == ErrorCode::kNotFound) return std::optional<oversight::LanguageModel>();
    return text.error();
  }
  Result<std::unique_ptr<charter::TomlFile>> file = charter::TomlFile::Parse(*text, path);
  if (!file.ok()) return file.error();
  charter::TomlTable root = (*file)->Root();
  server::ModelEndpoint endpoint;
  endpoint.base_url = root.String("endpoint");
  endpoint.model = root.String("model");
  if (endpoint.model.size() > kModelNameBytesMax || !encoding::IsPlainText(endpoint.model)) {
    root.Fail("model", "critic.model-name", "must be a line of at most 200 bytes: votes name it");
  }
  const std::optional<std::string> key_file = root.OptionalString("key_file");
  endpoint.answer_ms_max = std::chrono::seconds(root.Duration("timeout", {1, 3'600}, "2m"));
  const auto question_bytes_max = static_cast<size_t>(root.Integer("max_question_bytes", {1'000, 1'000'000}, 100'000));
  if (Result<void> done = (*file)->Finish(); !done.ok()) return done.error();
  if (key_file) {
    Result<std::string> key = ReadKey(*key_file);
    if (!key.ok()) return key.error();
    endpoint.api_key = *std::move(key);
  }
  if (Result<void> fits = server::CheckModelEndpoint(endpoint); !fits.ok()) return fits.error();
  return std::optional(oversight::LanguageModel{
      .name = endpoint.model,
      .question_bytes_max = question_bytes_max,
      .ask = [endpoint](const oversight::ModelQuestion& question) { return server::AskModel(endpoint, question); }});
}

}  // namespace pawl::cli
