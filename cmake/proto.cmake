# proto/*.proto → build/proto/*.pb-c.{h,c}, one static target. Included as "proto/peer.pb-c.h".
function(quartet_proto name)
  find_program(PROTOC_C protoc-c REQUIRED)
  file(GLOB schemas CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/proto/*.proto)
  if(NOT schemas)
    return()
  endif()
  set(out ${PROJECT_BINARY_DIR}/generated)
  file(MAKE_DIRECTORY ${out}/proto)
  foreach(schema IN LISTS schemas)
    get_filename_component(stem ${schema} NAME_WE)
    add_custom_command(
      OUTPUT ${out}/proto/${stem}.pb-c.c ${out}/proto/${stem}.pb-c.h
      COMMAND ${PROTOC_C} --proto_path=${PROJECT_SOURCE_DIR} --c_out=${out} proto/${stem}.proto
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
      DEPENDS ${schemas} VERBATIM)
    list(APPEND generated ${out}/proto/${stem}.pb-c.c)
  endforeach()
  add_library(${name} STATIC ${generated})
  target_include_directories(${name} SYSTEM PUBLIC ${out})
  target_link_libraries(${name} PUBLIC PkgConfig::libprotobuf-c)
endfunction()
