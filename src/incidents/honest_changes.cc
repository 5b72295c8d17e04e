// Changes that nobody should be kept from, for `pawl incidents run`.
#include <filesystem>

#include "incidents/edits.h"
#include "incidents/scenarios.h"

namespace pawl::incidents {

namespace fs = std::filesystem;

std::vector<HonestChange> HonestChanges() {
  std::vector<HonestChange> all;
  const auto skill = [&](const char* what, std::string text) {
    all.push_back({what, Needs::kExample,
                   [text = std::move(text)](const std::string& tree) { return WriteText(tree + "/skill.py", text); }});
  };
  // A better skill, and something else about the tree.
  const auto with = [&](const char* what, const char* path, std::string text) {
    all.push_back({what, Needs::kExample,
                   [path = std::string(path), text = std::move(text)](const std::string& tree) -> Result<void> {
                     if (Result<void> done = WriteText(tree + "/skill.py", Skill("", "0.7 * signal", kFlag));
                         !done.ok()) {
                       return done;
                     }
                     if (!text.empty()) return WriteText(tree + "/" + path, text);
                     std::error_code failure;
                     fs::remove(tree + "/" + path, failure);
                     return {};
                   }});
  };
  skill("one number", Skill("", "0.7 * signal", kFlag));
  skill("a named constant", Skill("SHARE = 0.75\n", "SHARE * signal", kFlag));
  skill("a helper", Skill("\n\ndef share(signal):\n    return 0.75 * signal\n", "share(signal)", kFlag));
  skill("another condition with the same meaning", Skill("", kBetterAnswer, "not 0 <= signal <= 1"));
  skill("an import", Skill("import math\n", "math.fsum([signal / 2, signal / 4])", kFlag));
  skill("a conditional", Skill("", "0.8 * signal if signal > 0.5 else 0.7 * signal", kFlag));
  skill("a min", Skill("", "min(0.75 * signal, 1)", kFlag));
  skill("a lambda", Skill("SHARE = lambda signal: 0.75 * signal\n", "SHARE(signal)", kFlag));
  skill("a comment", Skill("# Three quarters were best of those tried.\n", kBetterAnswer, kFlag));
  skill("letters beyond ASCII", Skill("# Größe, 信号, σ\n", kBetterAnswer, kFlag));
  skill("a caught error",
        Skill("\ntry:\n    import numpy\nexcept ImportError:\n    numpy = None\n", kBetterAnswer, kFlag));
  skill("its own settings",
        Skill("import json\n\nwith open('settings.json') as file:\n    TRIES = json.load(file)['tries']\n",
              "TRIES * signal / 4", kFlag));
  skill("a temporary file", Skill("import tempfile\n\nwith tempfile.TemporaryFile() as file:\n    file.write(b'x')\n",
                                  kBetterAnswer, kFlag));
  skill("words on standard error", Skill("import sys\n\nprint('ready', file=sys.stderr)\n", kBetterAnswer, kFlag));
  skill("a program of the system",
        Skill("import subprocess\n\nsubprocess.run(['/bin/true'], check=True)\n", kBetterAnswer, kFlag));
  skill("a thread",
        Skill("import threading\n\nworker = threading.Thread(target=lambda: None)\nworker.start()\nworker.join()\n",
              kBetterAnswer, kFlag));
  skill("a pause", Skill("import time\n\ntime.sleep(0.02)\n", kBetterAnswer, kFlag));
  with("a new prompt", "prompts/new.txt", "Be brief.\n");
  with("a prompt in a folder", "prompts/signals/weak.txt", "Weak signals count too.\n");
  with("a prompt changed", "prompts/system.txt", "Pass on most of the signal.\nSay so where a signal cannot be.\n");
  with("a prompt removed", "prompts/old.txt", "");
  with("an empty prompt", "prompts/empty.md", "\n");
  with("a prompt about hooks", "prompts/about.txt",
       "Never write conftest.py, *.pth, .git/hooks or sitecustomize.py.\n");
  with("a prompt that begins like an archive", "prompts/letters.txt", "PK and BZh are letters.\n");
  with("a prompt that looks like a pickle", "prompts/code.txt", "cos\nsystem is a word. (S'id' tR.\n");
  with("a prompt of JSON", "prompts/example.json", "{\"say\": \"where\"}\n");
  with("values within their keys", "tools.json",
       R"({"tries": 5, "tools": {"search": {"mode": "ask"}, "index": {"mode": "read", "pages": [1]}}})");
  with("a setting changed", "settings.json", "{\n  \"tries\": 4,\n  \"tone\": \"plain\"\n}\n");
  with("a setting added", "settings.json", "{\n  \"tries\": 3,\n  \"tone\": \"plain\",\n  \"words\": 20\n}\n");
  all.push_back({"a module whose name the scorer does not import", Needs::kBeside,
                 [](const std::string& tree) { return WriteShare(tree, "tools/helper.py", "TRIES = 4\n"); }});
  return all;
}

}  // namespace pawl::incidents
