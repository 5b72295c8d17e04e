#include "site/embedded.h"

// The assembler puts the bytes in; a source with them as numbers would take the compiler seconds.
#define PAWL_EMBED(name, file)                                                                               \
  asm(".pushsection .rodata\n.balign 16\n" #name "_begin:\n.incbin \"" PAWL_SOURCE_DIR "/" file "\"\n" #name \
      "_end:\n.byte 0\n.globl " #name "_begin\n.globl " #name "_end\n.popsection\n");                        \
  extern "C" const char name##_begin[];                                                                      \
  extern "C" const char name##_end[];

PAWL_EMBED(pawl_openapi, "src/site/openapi.json")
PAWL_EMBED(pawl_page_html, "web/built/index.html")
PAWL_EMBED(pawl_page_css, "web/built/app.css")
PAWL_EMBED(pawl_page_js, "web/built/app.js")

namespace pawl::site {
namespace {

std::string_view Between(const char* begin, const char* end) { return {begin, static_cast<size_t>(end - begin)}; }

}  // namespace

std::string_view OpenApiDocument() { return Between(pawl_openapi_begin, pawl_openapi_end); }

const EmbeddedFile* FindEmbedded(std::string_view path) {
  static const EmbeddedFile kHtml{"text/html; charset=utf-8", Between(pawl_page_html_begin, pawl_page_html_end)};
  static const EmbeddedFile kCss{"text/css; charset=utf-8", Between(pawl_page_css_begin, pawl_page_css_end)};
  static const EmbeddedFile kScript{"text/javascript; charset=utf-8", Between(pawl_page_js_begin, pawl_page_js_end)};
  if (path == "/") return &kHtml;
  if (path == "/app.css") return &kCss;
  return path == "/app.js" ? &kScript : nullptr;
}

}  // namespace pawl::site
