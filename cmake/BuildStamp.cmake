# Writes OUT, the C++ source behind src/result/build.h, at every build; only if it says something new.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty OUTPUT_VARIABLE COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE
                ERROR_QUIET)
if(NOT COMMIT)
  set(COMMIT "unknown commit")
endif()
set(TEXT "#include \"result/build.h\"\n")
string(APPEND TEXT "const char pawl::kVersion[] = \"${VERSION}\";\nconst char pawl::kCommit[] = \"${COMMIT}\";\n")
if(EXISTS ${OUT})
  file(READ ${OUT} BEFORE)
endif()
if(NOT TEXT STREQUAL BEFORE)
  file(WRITE ${OUT} "${TEXT}")
endif()
