# Warnings are errors; sanitizers are a switch. `quartet_flags` is linked by every target of ours.
add_library(quartet_flags INTERFACE)
target_compile_definitions(quartet_flags INTERFACE _GNU_SOURCE)
target_compile_options(quartet_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
  -Wvla -Werror -fno-strict-aliasing -fstack-protector-strong -fno-omit-frame-pointer)
# Counting bits is what the image's trie does most: one instruction since 2008 (x86-64-v2). The
# programs check for it when they start.
set(QUARTET_MARCH "x86-64-v2" CACHE STRING "-march= on x86-64; empty: the compiler's default")
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64" AND QUARTET_MARCH)
  target_compile_options(quartet_flags INTERFACE -march=${QUARTET_MARCH})
endif()
target_include_directories(quartet_flags INTERFACE
  ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/node)
if(QUARTET_SANITIZE STREQUAL "address")
  set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=undefined)
elseif(QUARTET_SANITIZE STREQUAL "thread")
  set(sanitizers -fsanitize=thread)
elseif(QUARTET_SANITIZE)
  message(FATAL_ERROR "QUARTET_SANITIZE must be empty, 'address' or 'thread'")
endif()
if(QUARTET_FUZZ) # the rooms too, or the fuzzer would not see which paths an input takes
  list(APPEND sanitizers -fsanitize=fuzzer-no-link)
endif()
target_compile_options(quartet_flags INTERFACE ${sanitizers})
target_link_options(quartet_flags INTERFACE ${sanitizers})
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
