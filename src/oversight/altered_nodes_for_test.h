// A database that lies about the past: every node of the log's tree is another, but for those of which the present root
// is made. Opening such a log finds nothing wrong.
//
//   AlterNodesOfBefore(home.LedgerPath("controller"));
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <string>

namespace pawl::oversight {

inline void AlterNodesOfBefore(const std::string& path) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  // A node is part of the present root where no complete tree is above it.
  EXPECT_EQ(sqlite3_exec(database,
                         "UPDATE nodes SET hash = zeroblob(32) WHERE EXISTS (SELECT 1 FROM nodes AS above "
                         "WHERE above.level = nodes.level + 1 AND above.position = nodes.position / 2)",
                         nullptr, nullptr, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(database);
  EXPECT_GT(sqlite3_changes(database), 0);
  sqlite3_close(database);
}

}  // namespace pawl::oversight
