# One module = one directory below src/ = one concept = one target.
#
#   pawl_library(merkle TRUSTED
#     SOURCES tree.cc note.cc
#     DEPENDS result encoding crypto          # other modules of ours; must stand below this one in PAWL_LAYERS
#     LINK OpenSSL::Crypto                    # foreign targets
#     TESTS tree_test.cc note_test.cc         # become one executable, merkle_test
#     TEST_DEPENDS ...  TEST_LINK ...)        # what only the tests need
#
# TRUSTED: part of pawl-check or pawl-check-log; built and tested under sanitizers as well.
# FOR_TRUSTED_TESTS: no part of pawl-check, but what the tests of its modules need; built wherever they are.
# STD_ONLY: C++ standard library alone; built with -fno-exceptions -fno-rtti.
# BATCHED: several sources are compiled as one, for modules whose headers are dearer to compile than their own code. Names
# in unnamed namespaces then have to differ within the module.
# BATCHED_WITHOUT_CACHE: the same where there is no compiler cache; with one, a change recompiles its own source alone.
# WAITS: what it does is little beside the disks, processes and people that it waits for; built with -O1, which takes a
# third less time.
# tools/check-layers reads these calls and the #include lines and fails on any that points down the list; tests may
# include what TEST_DEPENDS names as well.

set(PAWL_LAYERS result model checker encoding crypto merkle tlog signing subject storage weakening charter warrant audit ledger witness notices evaluation
    prover sandbox trial oversight work report gate halting server mcp authoring site incidents cli)

# Without a compiler cache everything is compiled from the start: fewer and larger batches read headers less often, and
# g++ collects no garbage below 800 MB, which takes a tenth of its time.
set(PAWL_BATCH 6)
if(NOT CCACHE)
  set(PAWL_BATCH 20)
  add_compile_options("$<$<CXX_COMPILER_ID:GNU>:SHELL:--param ggc-min-expand=1000 --param ggc-min-heapsize=800000>")
  # What g++ finds by following values depends on what it has inlined, so on what is compiled as one: told here, and an
  # error where there is a cache.
  foreach(WARNING maybe-uninitialized stringop-overflow stringop-overread array-bounds free-nonheap-object dangling-pointer
                  use-after-free nonnull)
    target_compile_options(pawl_warnings INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-error=${WARNING}>)
  endforeach()
endif()

# What is compiled as one with others takes half of its time. Names in unnamed namespaces of the sources have to differ.
function(pawl_compile_as_one TARGET)
  if(NOT CCACHE)
    set_target_properties(${TARGET} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${PAWL_BATCH})
  endif()
endfunction()

# Without a compiler cache, what most sources read of others' headers is read once: that takes two to three seconds of each
# unit. A cache serves a unit faster than that, and has no good way with precompiled headers; that every source includes
# what it needs is seen where there is one. g++ optimises a unit as it did what it precompiled, so that there are two.
if(NOT CCACHE)
  find_package(nlohmann_json 3.11 REQUIRED)
  file(WRITE ${PROJECT_BINARY_DIR}/headers.cc "")
  foreach(HEADERS pawl_headers pawl_headers_of_what_waits)
    add_library(${HEADERS} OBJECT EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/headers.cc)
    target_link_libraries(${HEADERS} PRIVATE pawl_warnings nlohmann_json::nlohmann_json)
    if(PAWL_FUZZ)
      target_compile_options(${HEADERS} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
    target_precompile_headers(${HEADERS} PRIVATE <algorithm> <array> <charconv> <chrono> <filesystem> <fstream> <functional>
                                                 <map> <memory> <mutex> <nlohmann/json.hpp> <optional> <set> <span>
                                                 <sstream> <string> <thread> <variant> <vector>)
  endforeach()
  target_compile_options(pawl_headers_of_what_waits PRIVATE -O1)
endif()
function(pawl_share_headers TARGET HEADERS)
  if(TARGET ${HEADERS})
    target_precompile_headers(${TARGET} REUSE_FROM ${HEADERS})
  endif()
endfunction()

function(pawl_library NAME)
  cmake_parse_arguments(ARG "TRUSTED;FOR_TRUSTED_TESTS;STD_ONLY;WAITS;BATCHED;BATCHED_WITHOUT_CACHE" ""
                        "SOURCES;DEPENDS;LINK;TESTS;TEST_DEPENDS;TEST_LINK" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "pawl_library(${NAME}): unknown arguments ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  if(PAWL_ONLY_TRUSTED AND NOT ARG_TRUSTED AND NOT ARG_FOR_TRUSTED_TESTS)
    return()
  endif()
  set(TARGET pawl_${NAME})
  if(ARG_SOURCES)
    add_library(${TARGET} STATIC ${ARG_SOURCES})
    set(SCOPE PUBLIC)
  else()
    add_library(${TARGET} INTERFACE)
    set(SCOPE INTERFACE)
  endif()
  target_include_directories(${TARGET} ${SCOPE} ${PROJECT_SOURCE_DIR}/src)
  list(TRANSFORM ARG_DEPENDS PREPEND pawl_ OUTPUT_VARIABLE OWN)
  target_link_libraries(${TARGET} ${SCOPE} ${OWN} ${ARG_LINK})
  if(ARG_SOURCES)
    target_link_libraries(${TARGET} PRIVATE pawl_warnings)
    if(ARG_STD_ONLY)
      target_compile_options(${TARGET} PRIVATE -fno-exceptions -fno-rtti)
    elseif(ARG_WAITS AND NOT PAWL_ONLY_TRUSTED)  # where everything has -O1
      pawl_share_headers(${TARGET} pawl_headers_of_what_waits)
    else()
      pawl_share_headers(${TARGET} pawl_headers)
    endif()
    if(ARG_WAITS)
      target_compile_options(${TARGET} PRIVATE -O1)
    endif()
    if(ARG_BATCHED OR (ARG_BATCHED_WITHOUT_CACHE AND NOT CCACHE))
      set_target_properties(${TARGET} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${PAWL_BATCH})
    endif()
    # libFuzzer's instrumentation goes into the libraries that parse; the driver is linked by the fuzz targets alone.
    if(PAWL_FUZZ)
      target_compile_options(${TARGET} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
  endif()
  if(ARG_TESTS)
    pawl_test(${NAME}_test LABEL quick SOURCES ${ARG_TESTS} DEPENDS ${NAME} ${ARG_TEST_DEPENDS} LINK ${ARG_TEST_LINK})
    pawl_compile_as_one(${NAME}_test)
  endif()
endfunction()

# What tests and benches that read files of the source tree link (tests/source_directory.h).
add_library(pawl_source_directory STATIC ${PROJECT_SOURCE_DIR}/tests/source_directory.cc)
target_compile_definitions(pawl_source_directory PRIVATE PAWL_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
target_include_directories(pawl_source_directory INTERFACE ${PROJECT_SOURCE_DIR}/tests)

# The same for tests, which read GoogleTest's as well.
if(NOT CCACHE)
  file(WRITE ${PROJECT_BINARY_DIR}/test_headers.cc "")
  add_library(pawl_test_headers OBJECT ${PROJECT_BINARY_DIR}/test_headers.cc)
  target_link_libraries(pawl_test_headers PRIVATE pawl_warnings GTest::gtest nlohmann_json::nlohmann_json)
  target_compile_options(pawl_test_headers PRIVATE -O0)
  target_precompile_headers(pawl_test_headers PRIVATE <gtest/gtest.h> <algorithm> <filesystem> <fstream> <functional> <map>
                                                      <nlohmann/json.hpp> <optional> <set> <string> <vector>)
endif()

# pawl_test(NAME LABEL quick|test|long SOURCES … DEPENDS modules… LINK targets… ARGS … TIMEOUT seconds [COMPUTES])
# quick: also run by `make quick`. test: `make test` and CI. long: `make test-long` only.
# COMPUTES: a run of its own code takes longer than what its compiler saves with -O0.
function(pawl_test NAME)
  cmake_parse_arguments(ARG "COMPUTES" "LABEL;TIMEOUT" "SOURCES;DEPENDS;LINK;ARGS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "pawl_test(${NAME}): unknown arguments ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  add_executable(${NAME} ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPENDS PREPEND pawl_ OUTPUT_VARIABLE OWN)
  target_link_libraries(${NAME} PRIVATE ${OWN} ${ARG_LINK} pawl_source_directory pawl_warnings GTest::gtest GTest::gmock GTest::gtest_main)
  if(ARG_COMPUTES)
    target_compile_options(${NAME} PRIVATE -O1)
  else()
    target_compile_options(${NAME} PRIVATE -O0)  # tests are compiled far more often than their own code takes time
    pawl_share_headers(${NAME} pawl_test_headers)
  endif()
  add_test(NAME ${NAME} COMMAND ${NAME} ${ARG_ARGS})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
    if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
      set(ARG_TIMEOUT 900)
    endif()
  endif()
  set_tests_properties(${NAME} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()
