# Writes OUT, a C++ source with the digest over the contents of FILES: see src/ledger/snapshot.h.
set(DIGESTS "")
foreach(FILE IN LISTS FILES)
  file(SHA256 ${FILE} DIGEST)
  string(APPEND DIGESTS "${DIGEST}\n")
endforeach()
string(SHA256 VERSION "${DIGESTS}")
file(WRITE ${OUT} "#include \"ledger/snapshot.h\"\nconst char pawl::ledger::kFoldVersion[] = \"${VERSION}\";\n")
