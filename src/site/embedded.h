// Files that are in the program itself: the page as web/build.mjs bundles it, and the description of the API.
//
// Thread safety: constants.
#pragma once

#include <string_view>

namespace pawl::site {

struct EmbeddedFile {
  std::string_view content_type;
  std::string_view bytes;
};

std::string_view OpenApiDocument();
// "/", "/app.css" and "/app.js"; null for any other path.
const EmbeddedFile* FindEmbedded(std::string_view path);

}  // namespace pawl::site
