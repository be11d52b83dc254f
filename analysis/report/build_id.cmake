# Hashes what the program is made of, at build time, into analysis/build_id.inc, which version.cpp includes. Two parts:
# CMakeLists.txt includes this file, and the build runs it as a script.
if(CMAKE_SCRIPT_MODE_FILE)
  string(REPLACE "|" ";" sources "${SOURCES}")
  set(list "")
  foreach(source ${sources})
    file(SHA256 ${ROOT}/${source} hash)
    string(APPEND list "${source} ${hash}\n")
  endforeach()
  string(SHA256 hash "${list}")
  string(SUBSTRING ${hash} 0 12 hash)
  file(WRITE ${OUTPUT} "// Written by analysis/report/build_id.cmake.\n"
    "#define SEQLAB_BUILD \"sources ${hash}, ${COMPILER}\"\n")
  return()
endif()

set(made_of "")
foreach(layer sim protocols scenarios analysis)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
    ${PROJECT_SOURCE_DIR}/${layer}/*.cpp ${PROJECT_SOURCE_DIR}/${layer}/*.hpp ${PROJECT_SOURCE_DIR}/${layer}/*.csv)
  list(APPEND made_of ${files})
endforeach()
list(SORT made_of)
list(TRANSFORM made_of PREPEND ${PROJECT_SOURCE_DIR}/ OUTPUT_VARIABLE depends)
list(JOIN made_of "|" sources)
set(build_id ${seqlab_generated}/analysis/build_id.inc)
add_custom_command(OUTPUT ${build_id}
  COMMAND ${CMAKE_COMMAND} -D ROOT=${PROJECT_SOURCE_DIR} -D "SOURCES=${sources}" -D OUTPUT=${build_id}
          -D "COMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
          -P ${CMAKE_CURRENT_LIST_FILE}
  DEPENDS ${depends} ${CMAKE_CURRENT_LIST_FILE} VERBATIM COMMENT "Hashing the sources")
target_sources(seqlab_analysis PRIVATE ${build_id})
target_include_directories(seqlab_analysis PRIVATE ${seqlab_generated})
