#include "signing/p11_kit.h"

#include <dlfcn.h>

#include <string>

namespace pawl::signing {
namespace {

struct Loaded {
  P11Kit functions;
  bool complete = false;
  std::string failure;
};

Loaded Load() {
  Loaded loaded;
  void* library = dlopen("libp11-kit.so.0", RTLD_NOW | RTLD_LOCAL);
  loaded.complete = library != nullptr;
  const auto find = [&](auto& function, const char* name) {
    if (!loaded.complete) return;
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
    loaded.complete = function != nullptr;
  };
#define PAWL_P11_KIT_FIND(name) find(loaded.functions.name, "p11_kit_" #name);
  PAWL_P11_KIT_FUNCTIONS(PAWL_P11_KIT_FIND)
#undef PAWL_P11_KIT_FIND
  if (!loaded.complete) loaded.failure = dlerror();
  if (loaded.complete) loaded.functions.be_quiet();  // what goes wrong is said once, by us
  return loaded;
}

}  // namespace

Result<const P11Kit*> LoadP11Kit() {
  static const Loaded kLoaded = Load();
  if (kLoaded.complete) return &kLoaded.functions;
  return SystemFailure("token.library", "p11-kit, which speaks to PKCS#11 tokens, cannot be loaded: " + kLoaded.failure,
                       "install libp11-kit0");
}

}  // namespace pawl::signing
