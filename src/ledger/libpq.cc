#include "ledger/libpq.h"

#include <dlfcn.h>

#include <string>

namespace pawl::ledger {
namespace {

struct Loaded {
  Libpq functions;
  bool complete = false;
  std::string failure;
};

Loaded Load() {
  Loaded loaded;
  void* library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  loaded.complete = library != nullptr;
  const auto find = [&](auto& function, const char* name) {
    if (!loaded.complete) return;
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
    loaded.complete = function != nullptr;
  };
#define PAWL_LIBPQ_FIND(name) find(loaded.functions.name, "PQ" #name);
  PAWL_LIBPQ_FUNCTIONS(PAWL_LIBPQ_FIND)
#undef PAWL_LIBPQ_FIND
  if (!loaded.complete) loaded.failure = dlerror();
  return loaded;
}

}  // namespace

Result<const Libpq*> LoadLibpq() {
  static const Loaded kLoaded = Load();
  if (kLoaded.complete) return &kLoaded.functions;
  return SystemFailure("ledger.libpq", "libpq, which speaks to PostgreSQL, cannot be loaded: " + kLoaded.failure,
                       "install libpq5");
}

}  // namespace pawl::ledger
