// The charter: the fixed bounds under which a subject may change itself. spec/charter.md describes every key.
//
//   Result<Charter> charter = ReadCharterFromStore(store, charter_digest);
//   if (!charter.ok()) ...   // "charter.toml:12:7: …", and how to mend it
//   for (const Property& property : charter->properties) ...
//
// A charter is a directory with a file `charter.toml` and the files that it names: specifications, the evaluator, the
// approvers' keys. It is pinned by the digest of its manifest. Reading refuses, with the place in the file, what is not
// understood (an unknown key, a wrong type or unit, a number out of range) and what cannot protect anything (rules
// "charter.…", listed in spec/charter.md).
//
// What reading cannot see, because it needs search or the machine, is left to `pawl charter check`: that mutants do
// falsify their properties, that properties are not satisfied by anything, that the interpreter is installed.
//
// Thread safety: values; reading is a pure function of the bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/allowed_signers.h"
#include "crypto/digest.h"
#include "crypto/note_key.h"
#include "subject/store.h"
#include "subject/surface.h"

namespace pawl::charter {

inline constexpr char kCharterFile[] = "charter.toml";

// As many as the entries of a log can hold, with the longest names: the certificates of a candidate statement (those of
// drift count as well), the
// votes and approvals of a decision. What a charter asks for has to be possible.
inline constexpr int64_t kPropertiesMax = 150, kReviewersMax = 64, kThresholdMax = 32;

// Where in charter.toml something stands, from 1; columns count characters. 0: nowhere.
struct Position {
  uint32_t line = 0;
  uint32_t column = 0;
};

struct Subject {
  std::string name;          // [a-z0-9-], for folders and commands
  std::string resource_uri;  // what the warrant names, so that it cannot be used elsewhere
  crypto::Digest baseline;   // the tree from which drift is measured
  subject::TreeLimits limits;
  Position position;
};

struct SurfaceEntry {
  subject::SurfaceRule rule;
  std::optional<std::string> keys_file{};  // path in the charter: oversight/json_keys.h reads it, and no loader
  Position position;
};

enum class Arithmetic { kReal, kFloat32 };

struct Property {
  std::string name;
  std::string network;  // path in the subject
  std::string spec;     // path in the charter: VNN-LIB
  Arithmetic arithmetic = Arithmetic::kFloat32;
  int64_t time_limit_s = 0;                 // for a search on two cores
  std::optional<std::string> falsified_by;  // path in the charter: a network that violates the property
  double drift_within = 0;  // to be proven: on its boxes each output is so near the baseline's; 0: not asked
  Position position;
};

// Lets the certificate of an earlier release prove a property of every network near that release's (an envelope, in the
// sense of spec/certificate.md).
struct Envelope {
  double radius_max = 0;        // of a tensor in such a certificate, in the units of its elements
  int64_t generations_max = 0;  // the release that it was made for was live at most so many releases before
  int64_t time_limit_s = 0;     // for one search for the largest radius, after a proof of the network itself
  Position position;
};

// What one sandbox may use.
struct ProcessLimits {
  int64_t wall_seconds = 0;
  int64_t cpu_seconds = 0;  // of each process
  int64_t memory_mib = 0;   // of all processes together
  int64_t processes = 0;    // threads included
  int64_t output_mib = 0;   // files written
  int64_t files = 0;        // files in the output
};

struct Improver {
  std::vector<std::string> command;  // run in the live release's tree; empty: the charter names no improver
  ProcessLimits limits;
  Position position;
};

enum class Direction { kHigherIsBetter, kLowerIsBetter };

struct Metric {
  std::string name;
  double min = 0;  // a value outside [min, max] voids the trial
  double max = 1;
  Direction direction = Direction::kHigherIsBetter;
  Position position;
};

struct Evaluation {
  std::vector<std::string> command;          // run in the charter's directory; empty: no trials, and no `bounds`
  std::vector<std::string> subject_command;  // where the subject is a program: run in its tree; else empty
  ProcessLimits limits;
  int64_t episodes = 0;                    // of one trial
  int64_t probes = 0;                      // fresh inputs at which decisions are compared for drift
  std::optional<std::string> probes_file;  // path in the charter: fixed probes, 32 bytes each
  std::vector<Metric> metrics;
  std::vector<std::string> groups;   // of episodes: kinds of scenario, or of people affected; empty: none
  std::vector<std::string> closure;  // absolute paths whose digests every statement records
  Position position;
  const Metric* Find(std::string_view name) const;
};

struct HarmBound {
  std::string name;
  std::string metric;
  double limit = 0;  // to be shown: the mean is below (metrics whose lower values are better) or above it
  std::optional<std::string> group;  // the episodes it is about; none: all
  double lifetime_error = 0;
  Position position;
};

struct ImprovementBound {
  std::string metric;  // to be shown: the candidate's mean is better than its parent's on the same seeds
  double lifetime_error = 0;
  Position position;
};

struct CapabilityBound {
  std::string metric;
  double max_step = 0;    // to be shown: no more than this is gained over the parent
  double ceiling = 0;     // to be shown: the mean is no better than this
  double max_growth = 0;  // to be shown: no more than this is gained within pace.window; 0: not asked
  double lifetime_error = 0;
  Position position;
};

struct DriftBound {
  double limit = 0;         // to be shown: the share of decisions that differ from the baseline's is at most this
  double energy_limit = 0;  // to be shown: the energy distance of outcomes from the baseline's is at most this; 0: no
  double lifetime_error = 0;
  Position position;
};

struct AccelerationBound {
  double expected_step = 0;  // gain of the capability metric per release
  double alarm_level = 0;    // one false alarm in 1/alarm_level releases or more
  Position position;
};

struct Bounds {
  std::vector<HarmBound> harm;
  ImprovementBound improvement;
  CapabilityBound capability;
  DriftBound drift;
  AccelerationBound acceleration;
};

struct Pace {
  int64_t min_interval_s = 0;  // from one release to the next
  int64_t max_releases = 0;    // within any window
  int64_t window_s = 0;
  int64_t max_clock_skew_s = 0;
  Position position;
};

// A key whose private half nobody has: what the fields below hold until they are filled.
crypto::NoteKey NobodysKey();

enum class Role { kProver, kEvaluator, kIntegrity, kAuditor, kCritic, kPeer };

// What a language model or another system makes of a change: nothing that can be computed again, so it never stands in
// for a second principal, and a quorum may ask for none of it (at_least 0) and only hear objections.
inline bool IsOpinion(Role role) { return role >= Role::kCritic; }

std::string_view RoleName(Role role);

struct Reviewer {
  std::string name;
  std::string principal;  // the person or organisation that answers for it
  Role role = Role::kProver;
  crypto::NoteKey key = NobodysKey();  // its name is the reviewer's: signatures are found by it
  Position position;
};

struct QuorumRule {
  Role role = Role::kProver;
  int64_t at_least = 0;     // votes for, by distinct principals; 0, of opinions alone: objections count
  int64_t against_max = 0;  // votes against, by distinct principals
  // Evaluators alone: all report, and their e-values without the so many largest decide together; none: each decides.
  std::optional<uint64_t> faults_max{};
  Position position;
};

enum class Presence {
  kRequired,  // security keys that were touched, passkeys with their holder verified as well
  kSoftware,  // any key; proves no human presence
};

struct Approval {
  int64_t threshold = 0;  // distinct principals
  Presence presence = Presence::kRequired;
  std::string signers_file;                    // path in the charter
  std::vector<crypto::AllowedSigner> signers;  // its content
  std::string rp_id;                           // of passkeys; empty: passkeys do not count
  std::vector<std::string> origins;            // of passkeys
  int64_t expiry_s = 0;                        // from a decision statement to its last use
  int64_t checkpoint_age_max_s = 0;            // of a warrant's checkpoint when a loader switches
  Position position;
};

struct Amendment {
  int64_t threshold = 0;
  int64_t waiting_period_s = 0;  // from the closing of votes; any one approver can veto until it ends
  Position position;
};

struct Revocation {
  std::vector<crypto::Digest> trees;  // never live again
};

struct GateKeys {
  crypto::NoteKey log = NobodysKey();    // signs checkpoints and candidate statements
  crypto::NoteKey clock = NobodysKey();  // cosigns checkpoints with the time
  Position position;
};

// Somebody independent who cosigns checkpoints of the log that only grow.
struct Witness {
  std::string principal;
  crypto::NoteKey key = NobodysKey();
  std::string url;  // where the gate asks it: the submission prefix of C2SP tlog-witness
  Position position;
};

struct Witnesses {
  std::vector<Witness> all;  // each of another principal; empty: the gate's clock alone states the time
  int64_t at_least = 0;      // cosignatures on a warrant's checkpoint
  int64_t faults_max = 0;    // so many of the witnesses may lie
  Position position;
};

enum class Assurance {
  kStandard,
  kSingleOperator,  // one principal may do everything; every warrant, status and page says so
};

struct Charter {
  crypto::Digest digest;  // of the charter's manifest
  Subject subject;
  std::vector<SurfaceEntry> surface;
  std::vector<Property> properties;
  std::optional<Envelope> envelope;  // none: a certificate proves of its own network alone
  Improver improver;
  Evaluation evaluation;
  Bounds bounds;
  Pace pace;
  std::vector<Reviewer> reviewers;
  std::vector<QuorumRule> quorum;
  Approval approval;
  int64_t rollback_threshold = 0;  // to the immediate predecessor; any other target needs approval.threshold
  int64_t resume_threshold = 0;    // to lift a halt; any one approver can halt
  Amendment amendment;
  Revocation revocation;
  GateKeys gate;
  Witnesses witnesses;
  Assurance assurance = Assurance::kStandard;

  // The surface as subject::CheckSurface takes it.
  std::vector<subject::SurfaceRule> SurfaceRules() const;
  const Reviewer* FindReviewer(std::string_view name) const;
  const QuorumRule* FindQuorum(Role role) const;
  // Distinct principals that may approve.
  size_t ApproverCount() const;
};

// Reads the charter of a manifest, taking the files that it names from `read`. kMalformed: not a charter. kRefused: a
// charter that protects nothing; both with file, line and column in the message. Errors of `read` pass through.
Result<Charter> ReadCharter(const subject::Manifest& manifest, const subject::BlobReader& read);

// A charter with the files it was read from.
struct CharterFiles {
  Charter charter;
  subject::Manifest manifest;
  subject::BlobReader read;
};
// Reads the charter of a directory into memory: each file once.
Result<CharterFiles> ReadCharterFiles(const std::string& directory);
// The charter with that digest in the store, which must outlive the result.
Result<CharterFiles> ReadCharterFiles(const subject::Store& store, const crypto::Digest& digest);
// The same where the files do not matter.
Result<Charter> ReadCharterFromDirectory(const std::string& directory);
Result<Charter> ReadCharterFromStore(const subject::Store& store, const crypto::Digest& digest);

}  // namespace pawl::charter
