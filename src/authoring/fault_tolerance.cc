#include "authoring/fault_tolerance.h"

#include <algorithm>
#include <map>
#include <set>

#include "sandbox/sandbox.h"

namespace pawl::authoring {
namespace {

using charter::Charter;
using charter::Role;

using Names = std::set<std::string>;

std::string Joined(const Names& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + sandbox::DisplayableOnOneLine(name);
  }
  return text;
}

Names ApproversOf(const Charter& charter) {
  Names names;
  for (const crypto::AllowedSigner& signer : charter.approval.signers) names.insert(signer.principal);
  return names;
}

Names PrincipalsOf(const Charter& charter, Role role) {
  Names names;
  for (const charter::Reviewer& reviewer : charter.reviewers) {
    if (reviewer.role == role) names.insert(reviewer.principal);
  }
  return names;
}

// "'prover-a' of ann", for each of a role.
std::string ReviewersOf(const Charter& charter, Role role) {
  std::string text;
  for (const charter::Reviewer& reviewer : charter.reviewers) {
    if (reviewer.role != role) continue;
    text += (text.empty() ? "'" : ", '") + sandbox::DisplayableOnOneLine(reviewer.name) + "' of " +
            sandbox::DisplayableOnOneLine(reviewer.principal);
  }
  return text;
}

RoleTolerance OfRule(const Charter& charter, const charter::QuorumRule& rule) {
  const auto n = static_cast<int64_t>(PrincipalsOf(charter, rule.role).size());
  RoleTolerance role{.who = std::string(charter::RoleName(rule.role)), .principals = n, .needed = rule.at_least};
  // Where their evidence decides together, so many of the largest figures are left out.
  role.lying = rule.faults_max ? static_cast<int64_t>(*rule.faults_max) : rule.at_least - 1;
  role.silent = n - rule.at_least;
  role.objecting = std::min(rule.against_max, role.silent);
  if (rule.role == Role::kAuditor)
    role.objecting = 0;                    // a false closing statement that stands first keeps out any other
  if (rule.at_least == 0) role.lying = n;  // nothing is asked of them but objections
  return role;
}

RoleTolerance OfPeople(std::string who, int64_t n, int64_t threshold) {
  return {.who = std::move(who),
          .principals = n,
          .needed = threshold,
          .lying = threshold - 1,
          .objecting = n - threshold,
          .silent = n - threshold};
}

// One who stands in at least the same places serves colluders at least as well.
struct Demand {
  Names candidates;
  size_t count = 0;
};

class SmallestGroup {
 public:
  explicit SmallestGroup(std::vector<Demand> demands) : demands_(std::move(demands)) {
    Names all;
    for (const Demand& demand : demands_) all.insert(demand.candidates.begin(), demand.candidates.end());
    std::map<std::vector<bool>, std::vector<std::string>> kinds;
    for (const std::string& name : all) {
      std::vector<bool> places;
      for (const Demand& demand : demands_) places.push_back(demand.candidates.contains(name));
      kinds[places].push_back(name);
    }
    kinds_.assign(kinds.begin(), kinds.end());
  }

  // As few as can be. A charter has too few places and principals for the search to be long; it is cut all the same,
  // and then the group is one that suffices.
  std::vector<std::string> Find() {
    std::vector<size_t> open;
    for (const Demand& demand : demands_) open.push_back(demand.count);
    Extend(open, 0);
    std::sort(best_.begin(), best_.end());
    return best_;
  }

 private:
  static constexpr int kLooksMax = 200'000;

  void Extend(const std::vector<size_t>& open, size_t kind) {
    const size_t most = *std::max_element(open.begin(), open.end());
    if (most == 0) {
      if (best_.empty() || chosen_.size() < best_.size()) best_ = chosen_;
      return;
    }
    if (kind == kinds_.size() || ++looks_ > kLooksMax) return;
    if (!best_.empty() && chosen_.size() + most >= best_.size()) return;
    const auto& [places, names] = kinds_[kinds_.size() - 1 - kind];
    size_t useful = 0;
    for (size_t i = 0; i < open.size(); ++i) {
      if (places[i]) useful = std::max(useful, open[i]);
    }
    for (size_t count = std::min(useful, names.size());; --count) {
      std::vector<size_t> left = open;
      for (size_t i = 0; i < left.size(); ++i) {
        if (places[i]) left[i] -= std::min(left[i], count);
      }
      chosen_.insert(chosen_.end(), names.begin(), names.begin() + static_cast<std::ptrdiff_t>(count));
      Extend(left, kind + 1);
      chosen_.resize(chosen_.size() - count);
      if (count == 0) break;
    }
  }

  std::vector<Demand> demands_;
  std::vector<std::pair<std::vector<bool>, std::vector<std::string>>> kinds_;
  std::vector<std::string> chosen_, best_;
  int looks_ = 0;
};

// Whether an amendment needs votes or signatures of this role (spec/warrant.md, `quorum.not-met`).
bool IsAskedOfAmendments(Role role) {
  switch (role) {
    case Role::kIntegrity:
    case Role::kAuditor:
      return true;
    case Role::kProver:
    case Role::kEvaluator:
    case Role::kCritic:
    case Role::kPeer:
      return false;
  }
  return false;
}

constexpr const char* kSinglePoint = "single point of failure: ";

void NameRoles(const Charter& charter, std::vector<std::string>& points) {
  const auto add = [&](const std::string& words) { points.push_back(kSinglePoint + words); };
  for (const charter::QuorumRule& rule : charter.quorum) {
    if (rule.at_least == 0) continue;
    const RoleTolerance role = OfRule(charter, rule);
    const std::string named = ReviewersOf(charter, rule.role);
    if (role.principals == 1) {
      add(named + (named.find(", '") == named.npos ? " is the only " : " are of one principal, the only ") + role.who +
          ": a lie of its is the role's yes, and while it is silent nothing passes");
      continue;
    }
    if (role.lying == 0) {
      add("one " + role.who + " of " + std::to_string(role.principals) +
          " is enough, so that any one that lies, or whose key is stolen, is the role's yes: " + named);
    }
    if (role.silent == 0) {
      add("every " + role.who + " is needed, so that nothing passes while one is silent: " + named);
    }
  }
}

void NamePeople(const Charter& charter, std::vector<std::string>& points) {
  const auto add = [&](const std::string& words) { points.push_back(kSinglePoint + words); };
  const Names people = ApproversOf(charter);
  const auto approvers = static_cast<int64_t>(people.size());
  if (approvers == 1) {
    add(Joined(people) + " alone approves: whoever has that key can, and without it nothing is released or amended");
  } else {
    for (const auto& [threshold, what] : {std::pair{charter.approval.threshold, "a release"},
                                          std::pair{charter.amendment.threshold, "another charter"}}) {
      if (threshold == 1) add("one approver is enough for " + std::string(what) + ": any of " + Joined(people));
      if (threshold == approvers) {
        add("every approver is needed for " + std::string(what) + ", so that one lost key stops it: " + Joined(people));
      }
    }
  }
}

void NameWitnesses(const charter::Witnesses& witnesses, std::vector<std::string>& points) {
  const auto add = [&](const std::string& words) { points.push_back(kSinglePoint + words); };
  const auto count = static_cast<int64_t>(witnesses.all.size());
  if (count == 0) add("no witness is asked: the gate alone says what the log is, and when");
  if (count == 1) {
    add("'" + sandbox::DisplayableOnOneLine(witnesses.all.front().key.name) +
        "' is the only witness: while it is silent nothing is released");
  } else if (count > 0 && count == witnesses.at_least) {
    Names names;
    for (const charter::Witness& witness : witnesses.all) names.insert(witness.key.name);
    add("every witness is needed, so that nothing is released while one is silent: " + Joined(names));
  }
}

}  // namespace

std::string RoleTolerance::Text() const {
  if (needed == 0) {
    return who + ": objections alone count, of " + std::to_string(principals) + "; all may be silent, " +
           std::to_string(objecting) + " may object";
  }
  return who + ": " + std::to_string(needed) + " of " + std::to_string(principals) + "; " + std::to_string(lying) +
         " may lie, " + std::to_string(objecting) + " may object, " + std::to_string(silent) + " may be silent";
}

std::vector<std::string> ToleranceWords(const FaultTolerance& tolerance) {
  std::vector<std::string> lines;
  for (const RoleTolerance& role : tolerance.roles) lines.push_back(role.Text());
  lines.push_back("together: " + std::to_string(tolerance.lying) +
                  " may lie: all votes and approvals of a release take " + std::to_string(tolerance.colluders.size()) +
                  ", for example " + Joined({tolerance.colluders.begin(), tolerance.colluders.end()}) +
                  "; of another charter, which can change who is asked, " + std::to_string(tolerance.amenders.size()) +
                  ", for example " + Joined({tolerance.amenders.begin(), tolerance.amenders.end()}) +
                  ", where the gate keeps back a veto");
  lines.push_back("together: " + std::to_string(tolerance.silent) + " may be silent, whoever they are");
  lines.insert(lines.end(), tolerance.notes.begin(), tolerance.notes.end());
  return lines;
}

FaultTolerance TolerateFaults(const Charter& charter) {
  FaultTolerance tolerance;
  std::vector<Demand> demands, of_amendment;
  const Names people = ApproversOf(charter);
  const auto approvers = static_cast<int64_t>(people.size());
  for (const charter::QuorumRule& rule : charter.quorum) {
    tolerance.roles.push_back(OfRule(charter, rule));
    if (rule.at_least == 0) continue;
    demands.push_back({PrincipalsOf(charter, rule.role), static_cast<size_t>(tolerance.roles.back().lying + 1)});
    if (IsAskedOfAmendments(rule.role)) of_amendment.push_back(demands.back());
  }
  demands.push_back({people, static_cast<size_t>(charter.approval.threshold)});
  of_amendment.push_back({people, static_cast<size_t>(charter.amendment.threshold)});
  tolerance.roles.push_back(OfPeople("approver", approvers, charter.approval.threshold));
  tolerance.silent = approvers - charter.approval.threshold;
  for (const RoleTolerance& role : tolerance.roles) {
    if (role.needed > 0) tolerance.silent = std::min(tolerance.silent, role.silent);
  }
  tolerance.roles.push_back(OfPeople("amendment", approvers, charter.amendment.threshold));
  tolerance.roles.back().objecting = 0;  // any one of them vetoes
  if (const charter::Witnesses& witnesses = charter.witnesses; !witnesses.all.empty()) {
    const auto n = static_cast<int64_t>(witnesses.all.size());
    const int64_t silent = n - witnesses.at_least;
    tolerance.roles.push_back({.who = "witness",
                               .principals = n,
                               .needed = witnesses.at_least,
                               .lying = witnesses.faults_max,
                               .objecting = silent,
                               .silent = silent});
    tolerance.silent = std::min(tolerance.silent, silent);
  }
  tolerance.colluders = SmallestGroup(std::move(demands)).Find();
  tolerance.amenders = SmallestGroup(std::move(of_amendment)).Find();
  tolerance.lying = static_cast<int64_t>(std::min(tolerance.colluders.size(), tolerance.amenders.size())) - 1;
  tolerance.notes = {
      "any one approver can halt, and any one can veto another charter: nothing passes meanwhile, and the numbers of "
      "those who may object are about votes and refusals alone",
      "auditors wait for every vote that can still come, unless they run with --quorum-is-enough; the numbers of the "
      "silent hold with it",
      "one gate ('" + sandbox::DisplayableOnOneLine(charter.gate.log.name) +
          "') and one database work for a subject at a time: neither can let anything pass, and while one is down "
          "nothing does; a second home with the gate's key, and a synchronous standby, take over (docs/postgresql.md)"};
  if (tolerance.lying == 0 && charter.assurance == charter::Assurance::kSingleOperator) {
    tolerance.single_points.push_back(kSinglePoint + sandbox::DisplayableOnOneLine(tolerance.colluders.front()) +
                                      " is every yes that is asked for: a single operator");
  } else {
    NameRoles(charter, tolerance.single_points);
    NamePeople(charter, tolerance.single_points);
  }
  NameWitnesses(charter.witnesses, tolerance.single_points);
  return tolerance;
}

}  // namespace pawl::authoring
