#include "model/network.h"

namespace pawl::model {

std::string_view ElementTypeName(ElementType type) {
  switch (type) {
    case ElementType::kFloat32:
      return "float32";
    case ElementType::kFloat64:
      return "float64";
  }
  return "";
}

uint64_t ElementCount(const Shape& shape) {
  uint64_t count = 1;
  for (const uint64_t axis : shape) count *= axis;
  return count;
}

}  // namespace pawl::model
