import { renderSVG } from 'uqr'

/** A QR code; as a data: image, so that the page's policy needs no exception for markup. */
export function QrCode({ content, label, size = 220 }: { content: string; label: string; size?: number }) {
  const image = `data:image/svg+xml,${encodeURIComponent(renderSVG(content, { border: 2 }))}`
  return <img src={image} alt={label} width={size} height={size} />
}
