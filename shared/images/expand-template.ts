/** What a pattern found: the text of a group by its number or its name; undefined for a group that is not there or took no part. */
export interface FoundGroups {
  readonly count: number;
  readonly numberOf: (name: string) => number | undefined;
  readonly textOf: (group: number) => string | undefined;
}

/** A name is as long as it can be: `$1x` asks for a group named `1x`. */
const VARIABLE = /\$(?:(?<dollar>\$)|(?<bare>[\p{L}\p{Nd}_]+)|\{(?<braced>[\p{L}\p{Nd}_]+)\})/gu;
/** What Go reads as a number: without a zero in front, and of nine digits at most. Anything else is a name. */
const NUMBER = /^(?:0|[1-9][0-9]{0,8})$/u;

/** Fills groups into a template as Go's `Regexp.Expand` does: `$1`, `${1}`, `$name`, `${name}`, and `$$` for a dollar sign. */
export function expandTemplate(template: string, groups: FoundGroups): string {
  return template.replace(VARIABLE, (_whole, dollar?: string, bare?: string, braced?: string) => {
    if (dollar !== undefined) return '$';
    const name = bare ?? braced ?? '';
    const group = NUMBER.test(name) ? Number(name) : groups.numberOf(name);
    return group === undefined || group > groups.count ? '' : (groups.textOf(group) ?? '');
  });
}
