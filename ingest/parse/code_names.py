"""The names of files that are read line by line, as they are: source code, configuration, logs, subtitles.

Only the names of kinds that people write or read themselves; what programs write for programs is not here.
"""

from __future__ import annotations

CODE = tuple(
    """
    .py .pyi .pyx .js .mjs .cjs .jsx .ts .tsx .vue .svelte .css .scss .sass .less .java .kt .kts .scala
    .groovy .gradle .c .h .cc .cpp .cxx .hh .hpp .hxx .m .mm .cs .fs .vb .go .rs .swift .dart .rb .php .pl
    .pm .lua .r .jl .sh .bash .zsh .fish .ps1 .bat .cmd .sql .hs .ml .mli .ex .exs .erl .hrl .clj .cljs
    .lisp .el .scm .rkt .nim .zig .d .pas .f90 .f95 .for .asm .s .v .sv .vhd .vhdl .tcl .awk .proto .thrift
    .graphql .gql .tf .hcl .nix .cmake .mk .bzl .sol .cu .glsl .wgsl .qml .yaml .yml .toml .ini .cfg .conf
    .properties .env .desktop .service .xml .xsd .xsl .xslt .rng .wsdl .opml .log .tex .sty .cls .bib .srt
    .vtt .diff .patch .po .ics .vcf
    """.split()  # noqa: SIM905 (a list of a hundred quoted words is no easier to read)
)
CODE_NAMES = tuple(
    """
    makefile gnumakefile dockerfile containerfile vagrantfile jenkinsfile rakefile gemfile procfile justfile
    cmakelists.txt meson.build sconstruct build.bazel
    """.split()  # noqa: SIM905
)
