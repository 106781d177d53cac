/** The names of the variables that Flux fills in. */
export const VARIABLE_NAME = /^[_A-Za-z][_A-Za-z0-9]*$/;

/** The same in words, behind "allowed are". */
export const VARIABLE_NAME_RULE = 'the letters A to Z and a to z, digits and _, not starting with a digit';
