# Turns data/*.csv into string literals that sim/net/latency/regions.cpp lets the compiler read, so that the program
# opens no data file at run time. A changed file makes CMake run again.
set(seqlab_generated ${CMAKE_BINARY_DIR}/generated)
file(GLOB matrices CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.csv)
set(text "// Written by sim/net/latency/data/embed.cmake.\n#include <string_view>\n\nnamespace seqlab::sim {\n")
foreach(matrix ${matrices})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${matrix})
  get_filename_component(name ${matrix} NAME_WE)
  file(READ ${matrix} csv)
  string(APPEND text "inline constexpr std::string_view ${name}_csv = R\"csv(\n${csv})csv\";\n")
endforeach()
string(APPEND text "}  // namespace seqlab::sim\n")
file(CONFIGURE OUTPUT ${seqlab_generated}/sim/net/latency/region_data.inc CONTENT "${text}" @ONLY)
target_include_directories(seqlab_sim PRIVATE ${seqlab_generated})
