<?php
// phpMyAdmin includes this file at the end of each page, and of the login form, which it may also show as a dialog.
// In config.inc.php, set $cfg['Lapse'] and add the collector's origin to $cfg['CSPAllow'].

['url' => $url, 'site' => $site] = $GLOBALS['cfg']['Lapse'];
$isSignedIn = isset($GLOBALS['dbi']) && $GLOBALS['dbi']->isConnected();
if ($isSignedIn) {
    // phpMyAdmin empties the session's data at sign-in, so each session gets its own alias.
    $_SESSION['lapse_alias'] ??= bin2hex(random_bytes(16));
    // A name of a database user may be the name of a person, so Lapse gets its hash.
    $user = $GLOBALS['cfg']['Server']['user'];
    $subject = hash_hmac('sha256', $user, $GLOBALS['cfg']['blowfish_secret']);
}
$attributes = [
    'src' => "$url/lapse.js",
    'data-site' => $site,
    'data-idle-timeout-seconds' => $GLOBALS['cfg']['LoginCookieValidity'],
    // The page's timer posts to "route=/" and only tells the server when the user was last active.
    'data-touch-on' => 'load request interaction',
    'data-requests' => 'route=/\w',
    'data-state' => $isSignedIn ? 'active' : 'absent',
    'data-subject' => $subject ?? null,
    'data-session' => $isSignedIn ? $_SESSION['lapse_alias'] : null,
];
echo '<script defer';
foreach (array_filter($attributes) as $name => $value) {
    printf(' %s="%s"', $name, htmlspecialchars((string) $value));
}
echo '></script>';
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
