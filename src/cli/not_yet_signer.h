// People whom only a charter lists that is not in force yet.
//
// They have a say in exactly one thing: the amendment that lists them, which they approve under the new charter. They
// neither halt nor refuse: whoever can propose an amendment could otherwise make anybody a person who stops everything.
//
// Thread safety: reads the store; no shared state.
#pragma once

#include "cli/ssh_sign.h"
#include "ledger/subject_log.h"
#include "result/result.h"

namespace pawl::cli {

// `error` is why the charter in force does not take this signer. Where a pending amendment's charter lists the key, the
// answer is "sign.not-yet-a-signer", which says so and names who can act; else `error` as it is.
Error WhyNoSigner(const ledger::SubjectLog& log, const SignerChoice& choice, const Error& error);

}  // namespace pawl::cli
