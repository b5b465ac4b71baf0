/** The object with some of its members replaced. Methods of the object itself keep it as `this`. */
export function replaced<T extends object>(object: T, members: Partial<T>): T {
  return new Proxy(object, {
    get(target, name) {
      const owner = name in members ? members : target;
      const member = Reflect.get(owner, name, owner);
      return typeof member === "function" ? member.bind(owner) : member;
    },
  });
}
