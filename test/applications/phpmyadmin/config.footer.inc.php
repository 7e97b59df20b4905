<?php
// phpMyAdmin includes this file at the end of each page, and of the login form, which it may also show as a dialog.
// Copy Lapse.php beside it. In config.inc.php, set $cfg['Lapse'] and add the collector's origin to $cfg['CSPAllow'].

require_once __DIR__ . '/Lapse.php';

$lapse = new Lapse\Lapse(...$GLOBALS['cfg']['Lapse'], idleTimeoutSeconds: $GLOBALS['cfg']['LoginCookieValidity']);
$isSignedIn = isset($GLOBALS['dbi']) && $GLOBALS['dbi']->isConnected();
if ($isSignedIn) {
    // A name of a database user may be the name of a person, so Lapse gets its hash.
    $user = $GLOBALS['cfg']['Server']['user'];
    $subject = hash_hmac('sha256', $user, $GLOBALS['cfg']['blowfish_secret']);
    // phpMyAdmin empties the session's data at sign-in, so each session gets its own alias.
    $_SESSION['lapse'] ??= $lapse->createSession($subject);
}
echo $lapse->tag($isSignedIn ? $_SESSION['lapse'] : null, attributes: [
    // The page's timer posts to "route=/" and only tells the server when the user was last active.
    'data-touch-on' => 'load request interaction',
    'data-requests' => 'route=/\w',
]);
?>

<p data-lapse-message hidden>Lapse has recorded that you were signed out after {limit} without activity.</p>
<?php if ($isSignedIn) { ?>
<script>
  document.querySelector('#pma_navigation .logout')?.setAttribute('data-lapse-logout', '')
  // The login dialog starts a session without a page. The next page states its alias, and its user if it is another one.
  $(document).on('ajaxSuccess', (event, xhr, settings, data) => {
    if (data?.logged_in !== 1) return
    const { name, subject } = <?= json_encode(['name' => $user, 'subject' => $subject], JSON_HEX_TAG) ?>

    const isSameUser = new URLSearchParams(settings.data).get('pma_username') === name
    window.Lapse?.active?.(isSameUser ? { subject } : {})
  })
</script>
<?php } ?>
