// libpq, loaded when a ledger in PostgreSQL is first asked for. It brings some thirty libraries with it (LDAP,
// Kerberos, TLS), whose loading would be half of the time that a small command takes; most commands have no such
// ledger.
//
//   Result<const Libpq*> libpq = LoadLibpq();
//   PGconn* connection = (*libpq)->connectdbParams(names, values, 1);     // PQconnectdbParams
//
// Thread safety: any thread may load it; it stays loaded.
#pragma once

#include <libpq-fe.h>

#include "result/result.h"

namespace pawl::ledger {

// What is used of it, each PQname as `name`.
// clang-format off
#define PAWL_LIBPQ_FUNCTIONS(X)                                                                                        \
  X(clear) X(cmdStatus) X(connectdbParams) X(conninfo) X(conninfoFree) X(conninfoParse) X(consumeInput)                \
  X(enterPipelineMode) X(errorMessage) X(exitPipelineMode) X(finish) X(flush) X(freemem) X(getResult) X(getisnull)     \
  X(getlength) X(getvalue) X(host) X(isBusy) X(nfields) X(notifies) X(pipelineSync) X(port) X(resultErrorField)        \
  X(resultErrorMessage) X(resultStatus) X(sendPrepare) X(sendQueryParams) X(sendQueryPrepared) X(setNoticeReceiver)    \
  X(setSingleRowMode) X(setnonblocking) X(socket) X(status) X(transactionStatus)
// clang-format on

struct Libpq {
#define PAWL_LIBPQ_MEMBER(name) decltype(&PQ##name) name = nullptr;
  PAWL_LIBPQ_FUNCTIONS(PAWL_LIBPQ_MEMBER)
#undef PAWL_LIBPQ_MEMBER
};

// kSystem "ledger.libpq" where the machine does not have it.
Result<const Libpq*> LoadLibpq();

}  // namespace pawl::ledger
