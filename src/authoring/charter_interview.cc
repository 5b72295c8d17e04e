#include "authoring/charter_interview.h"

#include <cstdlib>
#include <filesystem>

#include "encoding/time.h"

namespace pawl::authoring {
namespace {

namespace fs = std::filesystem;

bool IsNumber(const std::string& text) {
  char* end = nullptr;
  std::strtod(text.c_str(), &end);
  return !text.empty() && end != nullptr && *end == '\0';
}

// The first of the person's own public keys, those of security tokens first.
std::string OwnPublicKey() {
  const char* home = std::getenv("HOME");
  for (const char* name : {"id_ed25519_sk", "id_ecdsa_sk", "id_ed25519", "id_ecdsa"}) {
    const std::string path = std::string(home == nullptr ? "" : home) + "/.ssh/" + name + ".pub";
    std::error_code failure;
    if (fs::exists(path, failure)) return path;
  }
  return "";
}

}  // namespace

Result<std::string> CharterInterview::ReadLine(const std::string& prompt) {
  out_ << prompt << std::flush;
  std::string line;
  if (std::getline(in_, line)) return line;
  return Error{ErrorCode::kUsage, "new.interrupted", "the answers ended before all was asked; nothing was written",
               "pawl charter new --help lists an option for each answer"};
}

std::string CharterInterview::WhyNot(Kind kind, const std::string& answer) {
  std::error_code failure;
  switch (kind) {
    case Kind::kText:
      return answer.empty() ? "an answer is needed" : "";
    case Kind::kOptionalFile:
      return answer.empty() || fs::is_regular_file(answer, failure) ? "" : "there is no such file";
    case Kind::kFile:
      return fs::is_regular_file(answer, failure) ? "" : "there is no such file";
    case Kind::kFolder:
      return fs::is_directory(answer, failure) ? "" : "there is no such directory";
    case Kind::kNumber:
      return IsNumber(answer) ? "" : "that is no number, like 0.01";
    case Kind::kDuration:
      return encoding::ParseDuration(answer).ok() ? "" : "that is no duration, like 30m, 24h or 7d";
  }
  return "";
}

Result<void> CharterInterview::Ask(const std::set<std::string>& given, const char* option, const std::string& question,
                                   Kind kind, std::string& answer) {
  if (given.contains(option)) return {};
  for (;;) {
    Result<std::string> line = ReadLine(question + (answer.empty() ? ": " : " [" + answer + "]: "));
    if (!line.ok()) return line.error();
    const std::string chosen = line->empty() ? answer : *line;
    const std::string why = WhyNot(kind, chosen);
    if (why.empty()) {
      answer = chosen;
      return {};
    }
    out_ << "  " << why << "\n";
  }
}

Result<bool> CharterInterview::AskYesOrNo(const std::string& question, bool if_empty) {
  for (;;) {
    Result<std::string> line = ReadLine(question + (if_empty ? " [yes]: " : " [no]: "));
    if (!line.ok()) return line.error();
    if (line->empty()) return if_empty;
    if (*line == "yes" || *line == "y") return true;
    if (*line == "no" || *line == "n") return false;
    out_ << "  yes or no?\n";
  }
}

Result<void> CharterInterview::Fill(NewCharterOptions& options, const std::set<std::string>& given) {
  out_ << "Each question can be answered with Enter for what stands in brackets. Nothing is written before the last.\n";
  if (Result<void> done = Ask(given, "--subject", "the directory that may change itself", Kind::kFolder, options.tree);
      !done.ok()) {
    return done;
  }
  if (options.name.empty()) {
    std::error_code failure;
    options.name = SubjectNameFrom(fs::canonical(options.tree, failure).filename().string());
  }
  if (Result<void> done = Ask(given, "--name", "its name in commands and warrants", Kind::kText, options.name);
      !done.ok()) {
    return done;
  }
  if (!given.contains("--single-operator") && !given.contains("--signers")) {
    Result<bool> alone = AskYesOrNo("are you alone, so that one person answers for everything", false);
    if (!alone.ok()) return alone.error();
    options.single_operator = *alone;
  }
  if (options.single_operator) {
    if (options.operator_key.empty()) options.operator_key = OwnPublicKey();
    if (Result<void> done =
            Ask(given, "--key", "your OpenSSH public key, to approve with", Kind::kFile, options.operator_key);
        !done.ok()) {
      return done;
    }
  } else if (Result<void> done = Ask(given, "--signers", "allowed_signers file of at least three people (empty: later)",
                                     Kind::kOptionalFile, options.signers);
             !done.ok()) {
    return done;
  }
  struct Question {
    const char* option;
    const char* text;
    Kind kind;
    std::string* answer;
    bool is_of_trials = true;
  };
  const Question questions[] = {
      {"--evaluator", "your evaluator, a Python file (empty: a placeholder is written; --no-evaluation does without)",
       Kind::kOptionalFile, &options.evaluator},
      {"--harm-limit", "share of episodes that may at most end in harm", Kind::kNumber, &options.harm_limit},
      {"--max-step", "largest gain in score that one step may bring", Kind::kNumber, &options.max_step},
      {"--ceiling", "score above which people have to decide first", Kind::kNumber, &options.ceiling},
      {"--drift-limit", "share of decisions that may differ from the first release's", Kind::kNumber,
       &options.drift_limit},
      {"--min-interval", "shortest time between two releases", Kind::kDuration, &options.min_interval, false},
      {"--waiting-period", "how long a new charter waits for a veto", Kind::kDuration, &options.waiting_period, false},
  };
  if (!options.trials) {
    if (Result<void> done = Ask(given, "--drift-within", "how far outputs may get from the first release's, proven",
                                Kind::kNumber, options.drift_within);
        !done.ok()) {
      return done;
    }
  }
  for (const Question& question : questions) {
    if (!options.trials && question.is_of_trials) continue;
    if (Result<void> done = Ask(given, question.option, question.text, question.kind, *question.answer); !done.ok()) {
      return done;
    }
  }
  return {};
}

}  // namespace pawl::authoring
