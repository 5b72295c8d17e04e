// pawl tree: the name that a directory would have, for `baseline` in a charter and for looking at what would be frozen.
#include <cstdio>

#include "cli/command.h"
#include "subject/manifest.h"
#include "subject/tree_reader.h"

namespace pawl::cli {

void AddTree(CLI::App& app, Globals& globals) {
  auto directory = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("tree", "the digest that names a directory's tree; writes nothing");
  command->add_option("DIRECTORY", *directory, "what to look at")->required();
  command->footer("example:\n  pawl tree ./subject        # for [subject] baseline in charter.toml");
  command->callback([=, &globals] {
    Result<subject::Manifest> manifest = subject::ReadTree(
        *directory, subject::TreeLimits{},
        [](const std::string&, std::string_view bytes) { return Result<crypto::Digest>(crypto::Sha256(bytes)); });
    if (!manifest.ok()) {
      globals.exit = Fail(globals, manifest.error());
      return;
    }
    const std::string digest = subject::ManifestDigest(*manifest).Text();
    if (!globals.json) {
      std::puts(digest.c_str());
      return;
    }
    encoding::Json files = encoding::Json::array();
    for (const subject::FileEntry& file : manifest->files) {
      files.push_back({{"path", file.path}, {"digest", file.digest.Text()}, {"size", file.size}});
    }
    PrintJson({{"tree", digest}, {"files", files}});
  });
}

}  // namespace pawl::cli
