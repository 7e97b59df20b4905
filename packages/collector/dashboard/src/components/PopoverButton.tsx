import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'

interface Props {
  readonly class: string
  /** What the button shows. */
  readonly label: ComponentChildren
  /** The name of the popover for screen readers. */
  readonly title: string
  readonly children: (close: () => void) => ComponentChildren
}

const gap = 6

/** A button that opens a popover below itself. Escape and a click elsewhere close it, and the button gets the focus back. */
export function PopoverButton({ class: className, label, title, children }: Props) {
  const id = useId()
  const button = useRef<HTMLButtonElement>(null)
  const popover = useRef<HTMLDivElement>(null)
  const [isOpen, setOpen] = useState(false)

  useEffect(() => {
    const element = popover.current
    if (!element) return
    const open = ({ newState }: ToggleEvent) => {
      if (newState !== 'open' || !button.current) return
      setOpen(true)
      placeBelow(element, button.current)
    }
    // Not before: the browser returns the focus only from an element that is still in the popover.
    const close = ({ newState }: ToggleEvent) => newState === 'closed' && setOpen(false)
    element.addEventListener('beforetoggle', open)
    element.addEventListener('toggle', close)
    return () => {
      element.removeEventListener('beforetoggle', open)
      element.removeEventListener('toggle', close)
    }
  }, [])

  return (
    <>
      <button
        ref={button}
        type="button"
        class={className}
        popovertarget={id}
        aria-haspopup="dialog"
        aria-expanded={isOpen}
      >
        {label}
      </button>
      <div id={id} ref={popover} popover="auto" class="popover" role="dialog" aria-label={title}>
        {isOpen && children(() => popover.current?.hidePopover())}
      </div>
    </>
  )
}

/** Aligns the popover with the edge of the button that is nearer to the edge of the window. */
function placeBelow(popover: HTMLElement, button: HTMLElement): void {
  const { left, right, bottom } = button.getBoundingClientRect()
  const { clientWidth } = document.documentElement
  const isLeft = left + right < clientWidth
  popover.style.top = `${bottom + gap}px`
  popover.style.left = isLeft ? `${Math.max(left, gap)}px` : 'auto'
  popover.style.right = isLeft ? 'auto' : `${Math.max(clientWidth - right, gap)}px`
}
