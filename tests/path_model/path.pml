/* The one path as processes that can be interleaved and killed at every step, for Spin. path_model_test.py runs it.
 *
 * Four settings, one macro each, since their product would be too large to search:
 *   CRASHES   two gates on one home that keep to src/gate, pawl-check on the same state, two proposals, two crashes
 *   HALTS     the same with one proposal and one crash, and a halt, its resume, and a start
 *   LYING     a gate that says and signs whatever it likes, two proposals, a halt: what does the loader prevent?
 *   LIVENESS  as CRASHES with one crash, and with objections instead of pawl-check: what enough people have signed ends
 * Every other macro is a mistake. With it the model breaks the property that path_model_test.py names; without any, it
 * breaks none.
 *
 * Bounds: two proposals (in HALTS one; the second is a release, a rollback or an amendment), two reviewers, two people,
 * two gates, one halt, two crashes. A race, a replay or a stale view needs two of something, and a third proposal would
 * meet the same ledger and loader as the second. It is no proof for any number: three crashes in a row, two halts at
 * once and two loaders that follow one log are not here.
 *
 * Left out: time (whether a checkpoint is fresh is a choice, an older warrant than the last one logged is taken to be
 * stale, pace and expiry are not here), cryptography (who signs is who sets the bit), a log that forks (auditors and
 * witnesses), what the checks of content say (they pass or do not), failures other than crashes, SQLite (an append is
 * atomic and durable), the files of a tree, votes after closing. The C++ is not derived from this file;
 * docs/decisions/0022-path-model.md says which tests hold the two together. */

#define BOTH 3                        /* reviewers or people, as a set of two bits */
#define BIT(p) (1 << ((p) + 1))       /* a proposal in a set; bit 0 is what is live in the beginning */

/* Warrants by proposal and version: the same decision over a fresh checkpoint is another file. 0 is the beginning's. */
#define NAME(p, version) (((p) + 1) * 4 + (version))
#define PROPOSAL_OF(name) ((name) / 4 - 1)
#define VERSIONS_MAX 2
#if defined(LYING) || defined(LIVENESS)
#define OBJECTIONS                    /* elsewhere TRIAL_AND_BOUNDS says no for everybody: it ends the same way */
#endif
#ifdef HALTS
#define PROPOSALS 1
#else
#define PROPOSALS 2
#endif
#if defined(LIVENESS) || defined(HALTS)
#define CRASHES_MAX 1
#else
#define CRASHES_MAX 2
#endif

/* kPath in src/gate/decide.cc, where a step that looks at nothing but content is joined with its neighbour. */
#define FREEZE_AND_SURFACE 0
#define PACE 1
#define PROPERTIES 2                  /* ends with the commit */
#define TRIAL_AND_BOUNDS 3
#define QUORUM 4
#define APPROVAL 5
#define WARRANT 6
#define RELEASE 7

#define PENDING 0                     /* audit::ProposalOutcome, and what a step reports */
#define REJECTED 1
#define ACCEPTED 2

#define A_RELEASE 0                   /* warrant::Action */
#define A_ROLLBACK 1
#define A_AMENDMENT 2

/* The properties. A claim carries the name of its property, which is what Spin prints. */
hidden byte only_approved, halt_wins, nothing_lost, one_successor, no_step_skipped;
#define CLAIM(name, condition) assert(name || (condition))

/* ---- the ledger (src/ledger, src/audit/history.h): what folding its events gives, and all that is known after a crash.
 * Members of a proposal are cleared when it ends, where nobody looks at them any more. */
byte kind[2];
bit proposed[2];
byte base[2];                         /* what was live when it was proposed: what its first steps are about */
byte found[2];                        /* findings that passed, one bit a step */
bit committed[2];                     /* the candidate statement, */
byte parent[2];                       /*   its parent warrant, */
bit charter_epoch[2];                 /*   and its charter */
byte in_favour[2], against[2];        /* votes */
bit closed[2];                        /* closing statement: lists these votes, and nobody votes after it */
bit drafted[2];                       /* decision statement */
byte approved[2];                     /* people's signatures on it */
bit refused[2];
byte warrant[2];                      /* version of the last warrant logged; 0: none */
byte outcome[2];
byte ledger_last;                     /* the last warrant with a release event */
bit ledger_charter;
bit ledger_halted;

/* ---- the loader (src/warrant/state.h): the state file as programs see it, and as a power cut leaves it. */
byte state_last, disk_last;
bit state_charter, disk_charter;
bit halt_file, resume_file;           /* in <state>.halts */

/* ---- locks: flock, freed by the kernel where the holder dies. */
bit busy[2];                          /* the gate lock, by holder */
byte state_lock;                      /* 0: free */
bit starting;                         /* held by starts, waited for by pawl halt */
#define LOADER 2                      /* who may die, beside gates 0 and 1 */
bit killed[3];
byte crashes;

/* ---- observed only. */
byte successors, disk_successors;     /* what has been replaced, as a set */
bit halt_acknowledged;
byte resume_signed;                   /* people */
bit watched;                          /* the proposal that the liveness claim is about */

#define OPEN(p) (outcome[p] == PENDING)
#define HALTED_AT_LOADER (halt_file && !resume_file)
#define WAS_LIVE(p) (PROPOSAL_OF(state_last) == p || (successors & BIT(p)))
/* warrant::ApprovalsNeeded: the lower threshold takes back the release before, and nothing else. */
#define ENOUGH(p, people, last) \
  ((people) == BOTH || (kind[p] == A_ROLLBACK && PROPOSAL_OF(last) == 0 && (people) != 0))

inline end_with(p, how) {
  outcome[p] = how;
  found[p] = 0; base[p] = 0; committed[p] = 0; parent[p] = 0; charter_epoch[p] = 0; in_favour[p] = 0; against[p] = 0;
  closed[p] = 0; drafted[p] = 0; approved[p] = 0; refused[p] = 0; warrant[p] = 0
}

/* ---- the loader's check: VerifyWarrant in src/warrant/verify.cc, of a warrant of `p` with votes and signatures that
 * were made for `of_votes` and `of_people`, against the state that was read. */
#ifdef WITHOUT_MATCH
#define CLAUSE_MATCH(p, of_votes, of_people) true
#else
#define CLAUSE_MATCH(p, of_votes, of_people) ((of_votes) == (p) && (of_people) == (p)) /* warrant.mismatch */
#endif
#ifdef WITHOUT_PARENT
#define CLAUSE_PARENT(p, last) true
#else
#define CLAUSE_PARENT(p, last) (parent[p] == (last))                                   /* warrant.epoch, .parent */
#endif
#ifdef WITHOUT_CHARTER
#define CLAUSE_CHARTER(p, charter) true
#else
#define CLAUSE_CHARTER(p, charter) (charter_epoch[p] == (charter))                     /* charter.not-current */
#endif
#ifdef WITHOUT_QUORUM
#define CLAUSE_QUORUM(yes, no) true
#else
#define CLAUSE_QUORUM(yes, no) ((yes) != 0 && (no) == 0)                               /* quorum.not-met */
#endif
#ifdef WITHOUT_CLOSING
#define CLAUSE_CLOSING(of, yes, no) true
#else
#define CLAUSE_CLOSING(of, yes, no) \
  (closed[of] && in_favour[of] == (yes) && against[of] == (no))                        /* closing.signature, .votes */
#endif
#ifdef WITHOUT_APPROVAL
#define CLAUSE_APPROVAL(p, people, last) true
#elif defined(ROLLBACK_BY_ONE)
#define CLAUSE_APPROVAL(p, people, last) ((people) == BOTH || (kind[p] == A_ROLLBACK && (people) != 0))
#else
#define CLAUSE_APPROVAL(p, people, last) ENOUGH(p, people, last)                       /* approval.threshold */
#endif
#if defined(HALT_IGNORED)
#define CLAUSE_HALT true
#elif defined(HALT_FROM_LEDGER)
#define CLAUSE_HALT (!ledger_halted)
#else
#define CLAUSE_HALT (!HALTED_AT_LOADER)                                                /* halt.in-force */
#endif
#ifdef HALT_SEEN_ONCE
#define SECOND_LOOK true
#else
#define SECOND_LOOK CLAUSE_HALT                             /* the look right before the rename */
#endif
#define VERIFY(p, of_votes, yes, no, of_people, people, last, charter)                                             \
  (committed[p] && CLAUSE_MATCH(p, of_votes, of_people) && CLAUSE_PARENT(p, last) && CLAUSE_CHARTER(p, charter) && \
   CLAUSE_QUORUM(yes, no) && CLAUSE_CLOSING(of_votes, yes, no) && CLAUSE_APPROVAL(p, people, last))

/* WriteStateFile: the rename. `charter` is the one that was read with the state. */
inline rename_state(p, version, charter) {
  CLAIM(one_successor, parent[p] == state_last && !(successors & BIT(PROPOSAL_OF(state_last))));
  CLAIM(only_approved, closed[p] && in_favour[p] != 0 && against[p] == 0);
  CLAIM(only_approved, ENOUGH(p, approved[p], state_last) && charter_epoch[p] == state_charter);
  CLAIM(halt_wins, !halt_acknowledged);
#ifndef LYING
  CLAIM(no_step_skipped, (found[p] | (1 << RELEASE)) == 255);
#endif
  successors = successors | BIT(PROPOSAL_OF(state_last));
  state_last = NAME(p, version);
  state_charter = (kind[p] == A_AMENDMENT -> 1 - charter : charter)
}
/* … and the fsync of the directory after it. */
inline flush_state() { disk_last = state_last; disk_charter = state_charter; disk_successors = successors }

/* The release event with the outcome, in one append. The fold refuses what does not follow (ApplyRelease). */
inline log_release(p, version) {
  if
  :: OPEN(p) && parent[p] == ledger_last && warrant[p] == version ->
     CLAIM(nothing_lost, disk_last == NAME(p, version));
     ledger_last = NAME(p, version);
     ledger_charter = (kind[p] == A_AMENDMENT -> 1 - ledger_charter : ledger_charter);
     end_with(p, ACCEPTED)
  :: else
  fi
}

/* ---- reviewers (src/oversight): one vote each, on the candidate statement. */
#define AFTER(me, set) ((me) == 1 || (set) != 0)            /* the two are alike: the second acts after the first */
#ifdef LYING
#define VOTE_MATTERS(p) true
#else
#define VOTE_MATTERS(p) (against[p] == 0)                   /* a gate that keeps to the path refuses then */
#endif
#define MAY_VOTE(p, me)                                                                                     \
  (AFTER(me, in_favour[p] | against[p]) && committed[p] && !closed[p] && OPEN(p) && VOTE_MATTERS(p) &&      \
   !((in_favour[p] | against[p]) & me))
proctype Reviewer(byte me) {
end:
  do
  :: atomic { MAY_VOTE(0, me) -> in_favour[0] = in_favour[0] | me }
  :: atomic { MAY_VOTE(1, me) -> in_favour[1] = in_favour[1] | me }
#ifdef OBJECTIONS
  :: atomic { MAY_VOTE(0, me) -> against[0] = against[0] | me }
  :: atomic { MAY_VOTE(1, me) -> against[1] = against[1] | me }
#endif
  od
}

/* ---- auditors (src/oversight/auditor_review.cc): not before every reviewer has voted, and not while a halt is open. */
#define MAY_CLOSE(p) (committed[p] && !closed[p] && OPEN(p) && (in_favour[p] | against[p]) == BOTH && !HALTED_AT_LOADER)
proctype Auditor() {
end:
  do
  :: atomic { MAY_CLOSE(0) -> closed[0] = 1 }
  :: atomic { MAY_CLOSE(1) -> closed[1] = 1 }
  od
}

/* ---- people: pawl approve, pawl reject, and their signature on a resume. */
#define MAY_SIGN(p, me) (AFTER(me, approved[p]) && drafted[p] && OPEN(p) && !refused[p] && !(approved[p] & me))
proctype Person(byte me) {
end:
  do
  :: atomic { MAY_SIGN(0, me) -> approved[0] = approved[0] | me }
  :: atomic { MAY_SIGN(1, me) -> approved[1] = approved[1] | me }
#if defined(OBJECTIONS) && !defined(LYING)                  /* where the gate lies, not to sign is to refuse */
  :: atomic { MAY_SIGN(0, me) -> refused[0] = 1 }
  :: atomic { MAY_SIGN(1, me) -> refused[1] = 1 }
#endif
  :: atomic { AFTER(me, resume_signed) && halt_file && !(resume_signed & me) -> resume_signed = resume_signed | me }
  od
}

/* ---- pawl halt and pawl resume (src/cli/halt.cc). */
#ifdef RESUME_BY_ONE
#define MAY_RESUME (resume_signed != 0)
#else
#define MAY_RESUME (resume_signed == BOTH)
#endif
proctype Halt() {
  halt_file = 1;                                            /* DeliverToLoader */
  if
  :: ledger_halted = 1                                      /* AppendToLedger, */
#ifdef LYING
  :: true                                                   /*   which a gate that lies may drop */
#endif
  fi;
  atomic {                                                  /* a release and a start under way end first */
#ifndef HALT_DOES_NOT_WAIT
    state_lock == 0 && !starting ->
#endif
    halt_acknowledged = 1
  };
  atomic { MAY_RESUME -> ledger_halted = 0 };               /* the ledger judges it first */
  atomic { CLAIM(halt_wins, resume_signed == BOTH); resume_file = 1; halt_acknowledged = 0 }
}

/* ---- pawl exec (src/cli/exec.cc): a look at halts with the check of what is live, and another where a halt that comes
 * meanwhile waits for the start. */
proctype Start() {
end:
  CLAUSE_HALT;
#ifndef START_WITHOUT_LOCK
  starting = 1;
  if
  :: CLAUSE_HALT -> CLAIM(halt_wins, !halt_acknowledged)
  :: else
  fi;
  starting = 0
#else
  CLAIM(halt_wins, !halt_acknowledged)
#endif
}

#ifndef LYING
/* ---- a gate: Decide in src/gate/decide.cc. An append that others were faster than is refused and the step runs again
 * (ledger.conflict), so that a look and its append are one atomic step here; APPEND_BLINDLY parts the two. */
#define LOST(p) (against[p] != 0)
#define NEXT(p, step) ((found[p] & ((2 << (step)) - 1)) == (1 << (step)) - 1)
/* Whether the next step would say anything but "wait". Decide may be called at other times too, and changes nothing. */
#define READY(p)                                                                                                  \
  (proposed[p] && OPEN(p) &&                                                                                      \
   (NEXT(p, FREEZE_AND_SURFACE) || (NEXT(p, PACE) && (!ledger_halted || base[p] != ledger_last)) ||               \
    NEXT(p, PROPERTIES) || NEXT(p, TRIAL_AND_BOUNDS) ||                                                           \
    (NEXT(p, QUORUM) && (LOST(p) || closed[p] || parent[p] != ledger_last)) ||                                    \
    (NEXT(p, APPROVAL) && (!drafted[p] || refused[p] || ENOUGH(p, approved[p], ledger_last))) ||                  \
    NEXT(p, WARRANT) ||                                                                                           \
    (NEXT(p, RELEASE) && (state_last == NAME(p, warrant[p]) || (!ledger_halted && !HALTED_AT_LOADER)))))
#ifdef NO_GATE_LOCK
#define FREE(g) (!busy[g])
#else
#define FREE(g) (!busy[0] && !busy[1])                      /* GateLock::Take */
#endif

inline log_finding(p, step, report) {
  if
  :: !OPEN(p) || report == PENDING
  :: OPEN(p) && report == REJECTED -> CLAIM(nothing_lost, !WAS_LIVE(p)); end_with(p, REJECTED)
  :: OPEN(p) && report == ACCEPTED ->
     CLAIM(no_step_skipped, (found[p] & ((1 << step) - 1)) == (1 << step) - 1);
     found[p] = found[p] | (1 << step);
     if
     :: step == PROPERTIES ->                               /* the commit names what is live by the ledger */
        CLAIM(no_step_skipped, base[p] == ledger_last);
        committed[p] = 1; parent[p] = ledger_last; charter_epoch[p] = ledger_charter
     :: step == WARRANT -> warrant[p] = 1
     :: else
     fi
  fi
}

inline look(p, step, report) {
  step = 0;
  do
  :: found[p] & (1 << step) -> step++
  :: else -> break
  od;
#ifdef STEP_SKIPPED
  if
  :: step == QUORUM -> step = APPROVAL                      /* a wait is taken for a yes */
  :: else
  fi;
#endif
  if
  :: step == PACE -> report = (base[p] != ledger_last -> REJECTED : (ledger_halted -> PENDING : ACCEPTED))
#ifdef COMMIT_ON_OTHER_PARENT
  :: step == PROPERTIES -> report = ACCEPTED
#else
  :: step == PROPERTIES -> report = (base[p] != ledger_last -> REJECTED : ACCEPTED)
#endif
  :: step == FREEZE_AND_SURFACE || step == TRIAL_AND_BOUNDS -> report = ACCEPTED
  :: step == TRIAL_AND_BOUNDS -> report = REJECTED          /* for all checks of content */
  :: step == QUORUM -> report = (parent[p] != ledger_last || LOST(p) -> REJECTED : (closed[p] -> ACCEPTED : PENDING))
  :: step == APPROVAL ->
     report = (!drafted[p] -> PENDING : (ENOUGH(p, approved[p], ledger_last) -> ACCEPTED :
                                         (refused[p] -> REJECTED : PENDING)));
     drafted[p] = 1
  :: step == WARRANT -> report = ACCEPTED
  :: step == RELEASE -> report = PENDING
  fi
}

inline forget(p, step, report, version, read_last, read_charter) {
  p = 0; step = 0; report = 0; version = 0; read_last = 0; read_charter = 0
}

proctype Gate(byte g) {
  byte p, step, report, version, read_last;
  bit read_charter;
end_again:
  {
end:
    do
    :: atomic { FREE(g) && PROPOSALS == 2 && !proposed[1] && (kind[1] != A_ROLLBACK || PROPOSAL_OF(ledger_last) == 0) ->
         proposed[1] = 1; base[1] = ledger_last }           /* src/gate/propose.cc */
    :: atomic {
         if
         :: FREE(g) && READY(0) -> p = 0
         :: FREE(g) && READY(1) -> p = 1
         fi;
         look(p, step, report);
         busy[g] = 1;
#ifdef DECIDED_BEFORE_LOCK
         version = warrant[p];
#endif
#ifdef APPEND_BLINDLY
         if
         :: step != RELEASE -> goto append
         :: else
         fi
#else
         if
         :: step != RELEASE -> log_finding(p, step, report); goto done
         :: else
         fi
#endif
       };
       atomic {                                             /* StateLock::Take, ReadStateFile */
#ifndef NO_STATE_LOCK
         state_lock == 0 ->
#endif
         state_lock = g + 1; read_last = state_last; read_charter = state_charter;
#ifndef DECIDED_BEFORE_LOCK
         version = warrant[p];                              /* Walk reads the ledger anew under the lock */
         if
         :: OPEN(p) -> skip
         :: else -> goto done
         fi
#endif
       };
       if
#ifndef SWITCH_FORGOTTEN
       :: atomic { read_last == NAME(p, version) ->         /* switched, and not yet logged */
#ifndef NOT_FLUSHED_AGAIN
            flush_state()
#endif
          };
          atomic { log_release(p, version); goto done }
#endif
       :: atomic { else ->                                  /* Stopped, then VerifyWarrant */
            if
            :: !CLAUSE_HALT || ledger_halted -> goto done
            :: else
            fi;
            if
            :: VERIFY(p, p, in_favour[p], against[p], p, approved[p], read_last, read_charter)
            :: else -> log_finding(p, RELEASE, REJECTED); goto done
            fi
          }
       fi;
       if
       :: atomic { version < VERSIONS_MAX -> version++;     /* time.stale: RenewWarrant */
#ifndef RENAME_BEFORE_LOG
                   warrant[p] = version
#endif
          }
       :: true
       fi;
#ifdef LOG_BEFORE_RENAME
       atomic { log_release(p, version) };
#endif
       atomic {
         if
         :: SECOND_LOOK && !ledger_halted -> skip
         :: else -> goto done
         fi
       };
       atomic { rename_state(p, version, read_charter) };
#ifndef LOG_BEFORE_FLUSH
       atomic { flush_state() };
#endif
       atomic { warrant[p] = version; log_release(p, version); goto done };
append:
       atomic { log_finding(p, step, report) };
done:
       atomic {
         forget(p, step, report, version, read_last, read_charter);
         if
         :: state_lock == g + 1 -> state_lock = 0
         :: else
         fi;
         busy[g] = 0
       }
    od
  } unless {
    atomic { killed[g] -> killed[g] = 0; forget(p, step, report, version, read_last, read_charter); goto end_again }
  }
}

/* ---- a process dies (kill -9), or all do and what was not flushed is gone (a power cut). */
inline kill(g) {
  if
  :: busy[g] ->
     killed[g] = 1;
#ifndef LOCK_KEPT
     busy[g] = 0;
     if
     :: state_lock == g + 1 -> state_lock = 0
     :: else
     fi
#endif
  :: else
  fi
}

proctype Crash() {
end:
  do
  :: atomic { crashes < CRASHES_MAX && busy[0] && !killed[0] -> crashes++; kill(0) }
  :: atomic { crashes < CRASHES_MAX && busy[1] && !killed[1] -> crashes++; kill(1) }
  :: atomic { crashes < CRASHES_MAX && (busy[0] || busy[1] || state_lock != 0) ->
       crashes++;
       kill(0); kill(1);
       if
       :: state_lock == LOADER + 1 -> killed[LOADER] = 1; state_lock = 0
       :: else
       fi;
       state_last = disk_last; state_charter = disk_charter; successors = disk_successors
     }
  od
}
#endif

/* ---- pawl-check warrant --commit (cmd/pawl-check/warrant.cc) on the same state: given what a gate wrote, or where it
 * lies whatever can be put together of what others have signed. */
#ifdef LYING
#define MAY_BE_HANDED_OVER(p) (committed[p])
#else
#define MAY_BE_HANDED_OVER(p) (warrant[p] != 0)
#endif
inline loader_forgets() { p = 0; version = 0; read_charter = 0 }

proctype Loader() {
  byte p, version, of_votes, of_people, no;
  bit read_charter;
end_again:
  {
end:
    do
    :: atomic {
         if
         :: MAY_BE_HANDED_OVER(0) -> p = 0
         :: MAY_BE_HANDED_OVER(1) -> p = 1
         fi;
         of_votes = p; of_people = p; no = against[p]; version = warrant[p];
#ifdef LYING
         version = 1;
         if
         :: of_votes = 1 - p
         :: of_people = 1 - p
         :: no = 0                                          /* votes against are left out */
         :: true
         fi;
#endif
#ifndef NO_STATE_LOCK
         if
         :: state_lock == 0
         :: else -> goto leave
         fi;
#endif
         if
         :: CLAUSE_HALT && VERIFY(p, of_votes, in_favour[of_votes], no, of_people, approved[of_people], state_last,
                                  state_charter) ->
            of_votes = 0; of_people = 0; no = 0;
            state_lock = LOADER + 1; read_charter = state_charter
         :: else -> goto leave
         fi
       };
       if
       :: SECOND_LOOK ->
          atomic { rename_state(p, version, read_charter) };
#ifdef LYING
          atomic { end_with(p, ACCEPTED) }                  /* nobody asks for it again */
#else
          atomic { flush_state() }
#endif
       :: atomic { else }
       fi;
       atomic {
         if
         :: state_lock == LOADER + 1 -> state_lock = 0
         :: else
         fi
leave:   of_votes = 0; of_people = 0; no = 0; loader_forgets()
       }
    od
  } unless {
    atomic { killed[LOADER] -> killed[LOADER] = 0; loader_forgets(); goto end_again }
  }
}

#ifdef LYING
/* ---- a gate that lies. It has the gate's keys: it commits to anything at any time, asks people at once, and hands over
 * any warrant; it cannot sign for reviewers, auditors and people. Reviewers here vote on what they are shown, although
 * the real ones fold the log and refuse what does not follow from it. */
inline lie(p) {
  committed[p] = 1; drafted[p] = 1;
  if
  :: parent[p] = 0
  :: parent[p] = state_last
  fi;
  if
  :: charter_epoch[p] = 0
  :: charter_epoch[p] = 1
  fi
}
proctype Liar() {
end:
  do
  :: atomic { OPEN(0) && !committed[0] -> lie(0) }
  :: atomic { OPEN(1) && !committed[1] -> lie(1) }
  od
}
#endif

init {
  atomic {
    proposed[0] = 1;
#if defined(LYING) || defined(CRASHES)
    if
    :: kind[1] = A_ROLLBACK
    :: kind[1] = A_AMENDMENT                                /* a release, and the charter with it */
    fi;
#endif
#ifdef LIVENESS
    if
    :: watched = 0
    :: watched = 1
    fi;
#endif
    run Reviewer(1); run Reviewer(2); run Auditor(); run Person(1); run Person(2);
#ifdef LYING
    run Liar(); run Loader(); run Halt();
#else
    run Gate(0); run Gate(1);
#ifdef CRASHES
    run Loader(); run Crash();
#endif
#ifdef HALTS
    run Loader(); run Crash(); run Halt(); run Start();
#endif
#ifdef LIVENESS
    run Crash();
#endif
#endif
    skip
  }
}

#ifdef LIVENESS
/* What is closed and enough people have signed does not stay as it is. */
ltl every_decision_ends { []<> !(OPEN(watched) && closed[watched] && approved[watched] == BOTH) }
#endif
