/** The exit code of a check that was left out: neither passed nor failed. */
export const LEFT_OUT = 77;
