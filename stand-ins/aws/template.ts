import { z } from 'zod';

const Resource = z.looseObject({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).default({}),
  Condition: z.string().optional(),
  DeletionPolicy: z.string().optional(),
  UpdateReplacePolicy: z.string().optional(),
  DependsOn: z.union([z.string().transform((id) => [id]), z.array(z.string())]).default([]),
});

const Template = z.looseObject({
  Resources: z.record(z.string(), Resource),
  Parameters: z.record(z.string(), z.looseObject({ Default: z.unknown() })).default({}),
  Conditions: z.record(z.string(), z.unknown()).default({}),
  Outputs: z.record(z.string(), z.looseObject({ Value: z.unknown() })).default({}),
});

/** A resource as a CloudFormation template describes it. */
export type TemplateResource = Readonly<z.infer<typeof Resource>>;

/** A CloudFormation template, as far as the stand-in reads one. */
export type Template = Readonly<z.infer<typeof Template>>;

/** Reads a CloudFormation template from its JSON value. */
export function parseTemplate(value: unknown): Template {
  return Template.parse(value);
}
