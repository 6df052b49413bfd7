import { label, labelValue } from '@longshore/protocol';
import { z } from 'zod';

/** Labels of a node at most: each pass of the scheduler reads all of them. */
const MAX_LABELS = 64;

/** Labels as an operator writes them: `zone=a,disk=ssd`. A label without a value, `gpu`, has an empty one. */
export const nodeLabels: z.ZodType<Readonly<Record<string, string>>, string | undefined> = z
  .string()
  .transform((text, context) => {
    const refuse = (message: string): void => context.addIssue({ code: 'custom', message });
    const labels: Record<string, string> = {};
    const parts = text.split(',').map((part) => part.trim());
    for (const part of parts.filter((one) => one !== '')) {
      const [name = '', ...rest] = part.split('=');
      const value = rest.join('=');
      const checked = [label.safeParse(name), labelValue.safeParse(value)];
      for (const { error } of checked) {
        for (const { message } of error?.issues ?? []) refuse(`${JSON.stringify(part)}: ${message}`);
      }
      if (Object.hasOwn(labels, name)) refuse(`names the label ${name} twice`);
      labels[name] = value;
    }
    if (Object.keys(labels).length > MAX_LABELS) refuse(`must be at most ${MAX_LABELS} labels`);
    return labels;
  });
