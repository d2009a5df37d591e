# What is installed where, and the Debian package made of it: deploy/package. Units, configuration and
# the like have their places in the system, whatever the prefix.
include(GNUInstallDirs)

install(TARGETS quartetd quartet-gateway DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS quartet DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES deploy/systemd/quartetd.service deploy/systemd/quartet-gateway.service
        DESTINATION /lib/systemd/system)
install(FILES deploy/systemd/60-quartet.conf DESTINATION /usr/lib/sysctl.d)
install(FILES deploy/quartet.yaml DESTINATION /etc/quartet)
install(FILES deploy/systemd/quartetd-xdp.conf DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES deploy/completion/quartet DESTINATION /usr/share/bash-completion/completions)
install(FILES deploy/debian/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The changelog in Debian's form has one entry; CHANGELOG.md tells what changed.
string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE ${PROJECT_BINARY_DIR}/package/changelog "quartet (${QUARTET_VERSION_FULL}) unstable; urgency=medium

  * See CHANGELOG.md.gz.

 -- Quartet <quartet@localhost>  ${now}
")
foreach(file IN ITEMS ${PROJECT_BINARY_DIR}/package/changelog ${PROJECT_SOURCE_DIR}/CHANGELOG.md)
  get_filename_component(name ${file} NAME)
  set(packed ${PROJECT_BINARY_DIR}/package/${name}.gz)
  add_custom_command(OUTPUT ${packed} COMMAND gzip -9nc ${file} > ${packed} DEPENDS ${file} VERBATIM)
  list(APPEND packed_files ${packed})
endforeach()
# Man pages: what the programs say of themselves, and one by hand.
function(man_page program section line also)
  set(page ${PROJECT_BINARY_DIR}/package/${program}.${section}.gz)
  add_custom_command(OUTPUT ${page}
    COMMAND ${PROJECT_SOURCE_DIR}/deploy/man/from-help $<TARGET_FILE:${program}> ${section} ${line}
            ${also} | gzip -9nc > ${page}
    DEPENDS ${program} deploy/man/from-help WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} VERBATIM)
  install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  set(man_pages ${man_pages} ${page} PARENT_SCOPE)
endfunction()
man_page(quartetd 8 "node of a Quartet cluster" "quartet(1), quartet-gateway(8), quartet.yaml(5)")
man_page(quartet-gateway 8 "Route 53 API of a Quartet node" "quartetd(8), quartet(1), quartet.yaml(5)")
man_page(quartet 1 "command line of a Quartet cluster" "quartetd(8), quartet-gateway(8)")
set(page ${PROJECT_BINARY_DIR}/package/quartet.yaml.5.gz)
add_custom_command(OUTPUT ${page} COMMAND gzip -9nc deploy/man/quartet.yaml.5 > ${page}
  DEPENDS deploy/man/quartet.yaml.5 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} VERBATIM)
install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
add_custom_target(package_files ALL DEPENDS ${packed_files} ${man_pages} ${page})
install(FILES ${packed_files} DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON) # for what is outside of the prefix
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_NAME quartet)
set(CPACK_PACKAGE_CONTACT "Quartet <quartet@localhost>")
set(CPACK_DEBIAN_PACKAGE_VERSION ${QUARTET_VERSION_FULL})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "cluster of authoritative DNS servers, like Route 53")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Nodes agree on zones and on the health of endpoints by a
replicated log and answer DNS with all of Route 53's routing
policies from memory. quartetd is the node, quartet-gateway the
Route 53 API beside it, quartet the command line.")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "bind9-dnsutils, bash-completion, nftables")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${PROJECT_SOURCE_DIR}/deploy/debian/postinst ${PROJECT_SOURCE_DIR}/deploy/debian/prerm
    ${PROJECT_SOURCE_DIR}/deploy/debian/postrm ${PROJECT_SOURCE_DIR}/deploy/debian/conffiles)
include(CPack)
