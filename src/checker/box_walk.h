// The leaves of a case's split tree with their boxes, one after the other, in pre-order.
//
//   BoxWalk walk(root_box, proof, depth_max);
//   while (walk.Next()) Use(walk.lower(), walk.upper(), walk.argument());
//   if (walk.error()) ...                    // the tree is not one; what was given before is still covered by nothing
//   covered = walk.finished();               // the leaves given cover the root box
//
// One box is kept and cut on the way down; what a cut replaced is kept on a stack and put back on the way up, so memory
// is in proportion to depth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "checker/certificate.h"
#include "checker/claim.h"
#include "result/result.h"

namespace pawl::checker {

class BoxWalk {
 public:
  BoxWalk(const RootBox& root, const CaseProof& proof, std::uint32_t depth_max);

  // Goes to the next leaf; false at the end and on error.
  bool Next();

  // Of the current leaf; valid until Next is called again.
  const std::vector<double>& lower() const { return lower_; }
  const std::vector<double>& upper() const { return upper_; }
  std::uint32_t argument() const { return argument_; }
  std::uint32_t depth() const { return static_cast<std::uint32_t>(path_.size()); }

  // The whole tree was walked: every subtree is closed and no node is left over.
  bool finished() const { return finished_ && !error_; }
  const std::optional<Error>& error() const { return error_; }

 private:
  struct Cut {
    std::uint32_t input;
    double value, parent_lower, parent_upper;
    bool in_high_child;
  };
  bool Descend(const Node& split);
  bool Fail(const char* rule, const char* what);

  const CaseProof& proof_;
  std::uint32_t depth_max_, argument_ = 0;
  std::vector<double> lower_, upper_;
  std::vector<Cut> path_;
  std::size_t next_ = 0;
  bool started_ = false, finished_ = false;
  std::optional<Error> error_;
};

}  // namespace pawl::checker
