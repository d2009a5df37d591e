/* node/cli/value_options.h: the texts of the options from CLI_VALUE_FIRST on, for argp. */
#pragma once

struct argp_option;

const struct argp_option *cli_value_options(void); /* ended by a zeroed one */
