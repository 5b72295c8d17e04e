// p11-kit, loaded when a token is first asked: it reads RFC 7512 URIs and loads PKCS#11 modules. Few commands need one,
// and whoever has no token needs no library for it.
//
//   Result<const P11Kit*> p11_kit = LoadP11Kit();
//   P11KitUri* uri = (*p11_kit)->uri_new();     // p11_kit_uri_new
//
// Thread safety: any thread may load it; it stays loaded.
#pragma once

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include "result/result.h"

namespace pawl::signing {

// What is used of it, each p11_kit_name as `name`.
// clang-format off
#define PAWL_P11_KIT_FUNCTIONS(X)                                                                                      \
  X(be_quiet) X(message) X(module_finalize) X(module_initialize) X(module_load) X(module_release) X(strerror)          \
  X(uri_any_unrecognized) X(uri_free) X(uri_get_attribute) X(uri_get_module_name) X(uri_get_module_path)               \
  X(uri_get_pin_source) X(uri_get_pin_value) X(uri_match_module_info) X(uri_match_slot_info) X(uri_match_token_info)   \
  X(uri_message) X(uri_new) X(uri_parse)
// clang-format on

struct P11Kit {
#define PAWL_P11_KIT_MEMBER(name) decltype(&p11_kit_##name) name = nullptr;
  PAWL_P11_KIT_FUNCTIONS(PAWL_P11_KIT_MEMBER)
#undef PAWL_P11_KIT_MEMBER
};

// kSystem "token.library" where the machine does not have it.
Result<const P11Kit*> LoadP11Kit();

}  // namespace pawl::signing
