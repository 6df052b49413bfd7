export const nothing = 'a module without a task type';
