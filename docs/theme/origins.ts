import {
  IntersectionType,
  ReferenceType,
  ReflectionKind,
  type DeclarationReflection,
  type ProjectReflection,
  type Reflection,
} from "typedoc";

/** What the name of a mixin's members ends with; its options and the mixin itself are named in the same way. */
const MEMBERS = /Members$/;

/** What a mixin adds to a server. */
export interface Addition {
  /** The name of the mixin. */
  readonly mixin: string;
  readonly members: DeclarationReflection;
  readonly options: DeclarationReflection | undefined;
}

/** The parts of a class that is made by mixins, the base first; empty for any other class. */
function partsOf(reflection: Reflection): DeclarationReflection[] {
  if (!reflection.isDeclaration() || !reflection.kindOf(ReflectionKind.Class)) return [];
  const composed = (reflection.extendedTypes ?? []).find((type) => type instanceof IntersectionType);
  return (composed?.types ?? []).flatMap((type) => {
    const target = type instanceof ReferenceType ? type.reflection : undefined;
    return target?.isDeclaration() ? [target] : [];
  });
}

/** What the mixins of a class add, or what a mixin adds to any. */
export function additionsOf(reflection: Reflection): Addition[] {
  const module = reflection.parent;
  if (!module?.isDeclaration()) return [];
  const sibling = (name: string) => module.getChildByName([name]) as DeclarationReflection | undefined;
  const ownMembers = reflection.kindOf(ReflectionKind.Function)
    ? [sibling(reflection.name.replace(/MixIn$/, "Members"))].filter((one) => one !== undefined)
    : [];
  return [...ownMembers, ...partsOf(reflection)]
    .filter(({ name }) => MEMBERS.test(name))
    .map((members) => ({
      mixin: members.name.replace(MEMBERS, "MixIn"),
      members,
      options: sibling(members.name.replace(MEMBERS, "Options")),
    }));
}

/** The base class or mixin that gives a member to a composed class. */
function originOf(parts: readonly DeclarationReflection[], name: string): DeclarationReflection | undefined {
  // The last part wins, as in the chain of classes; but every mixin has some `options`, and the base the most.
  const ordered = name === "options" ? parts : parts.toReversed();
  for (const part of ordered) {
    const origin = part.getChildByName([name]);
    if (origin?.isDeclaration()) return origin;
  }
  return undefined;
}

/**
 * Says of each member of a class made by mixins where it comes from, with a link; typedoc knows only the expression, `ThreadingMixIn(TCPServer)`.
 */
export function tellOrigins(project: ProjectReflection): void {
  for (const composed of project.getReflectionsByKind(ReflectionKind.Class) as DeclarationReflection[]) {
    const parts = partsOf(composed);
    for (const member of parts.length > 0 ? (composed.children ?? []) : []) {
      const origin = originOf(parts, member.name);
      if (origin === undefined) continue;
      const reference = ReferenceType.createResolvedReference(`${origin.parent?.name}.${origin.name}`, origin, project);
      for (const one of [member, ...member.getAllSignatures()])
        if (one.inheritedFrom !== undefined) one.inheritedFrom = reference;
    }
  }
}
