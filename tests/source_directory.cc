#include "source_directory.h"

namespace pawl {

std::string SourceDirectory() { return PAWL_SOURCE_DIR; }

}  // namespace pawl
