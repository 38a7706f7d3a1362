import { Component, createElement, type ComponentType, type ComponentChild, type FunctionComponent } from 'preact';

/** Draws again only when a property is another one, compared one level deep by identity or, for plain data from an answer, by its text. */
export function memo<Props extends object>(draw: FunctionComponent<Props>): ComponentType<Props> {
  return class extends Component<Props> {
    override shouldComponentUpdate(next: Readonly<Props>): boolean {
      const before = this.props as Readonly<Record<string, unknown>>;
      return Object.entries(next).some(([name, value]) => {
        if (name === 'children' || before[name] === value) return false;
        return typeof value !== 'object' || JSON.stringify(before[name]) !== JSON.stringify(value);
      });
    }

    override render(): ComponentChild {
      return createElement(draw, this.props as Props);
    }
  };
}
