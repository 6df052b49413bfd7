/** An error as the driver makes one of what the server says. */
export const serverError = (code: string, fields: Readonly<Record<string, string>> = {}): Error =>
  Object.assign(new Error('reason'), { code, severity: 'ERROR', ...fields });
