<?php

require_once __DIR__ . '/lib/Lapse.php';

/**
 * Tells Lapse which pages have a session. Copy this folder to plugins/, and Lapse.php to plugins/lapse/lib/. Add 'lapse'
 * to $config['plugins'].
 *
 * In config.inc.php, set $config['lapse_url'] (the collector), $config['lapse_site'] (the site in its configuration) and
 * $config['lapse_ticket_secret'] (the secret of its ticketKeys).
 */
class lapse extends rcube_plugin
{
    private rcmail $rcmail;
    private Lapse\Lapse $lapse;
    private bool $isExpired = false;

    public function init(): void
    {
        $this->rcmail = rcmail::get_instance();
        $config = $this->rcmail->config;
        $this->lapse = new Lapse\Lapse(
            site: $config->get('lapse_site'),
            collector: $config->get('lapse_url'),
            ticketSecret: $config->get('lapse_ticket_secret'),
        );
        $this->add_hook('startup', [$this, 'rememberExpiry']);
        $this->add_hook('login_after', [$this, 'describeSession']);
        $this->add_hook('logout_after', [$this, 'removeMarker']);
        $this->add_hook('render_page', [$this, 'addTag']);
    }

    /** Roundcube signs out even if the session has expired, so check before it does. */
    public function rememberExpiry(array $args): array
    {
        if ($args['task'] === 'logout' && !empty($_SESSION['user_id'])) {
            $this->isExpired = !$this->rcmail->session->check_auth();
        }
        return $args;
    }

    /** The alias is a random id in the session's data. The session's own id must stay secret. */
    public function describeSession(array $args): array
    {
        $_SESSION['lapse'] = $this->lapse->createSession($this->rcmail->user->ID);
        return $args;
    }

    /** After a timeout, the marker stays, and the login page reports the timeout. */
    public function removeMarker(array $args): array
    {
        if (!$this->isExpired) {
            setcookie('lapse-' . $this->lapse->site, '', ['expires' => 1, 'path' => '/']);
        }
        return $args;
    }

    public function addTag(array $args): array
    {
        $isSignedIn = (bool) $this->rcmail->user->ID;
        // A session that began before this plugin was installed cannot be described.
        if ($isSignedIn && !isset($_SESSION['lapse'])) {
            return $args;
        }
        $tag = $this->lapse->tag($isSignedIn ? $_SESSION['lapse'] : null, attributes: [
            // The session ends between this time and half as much more. The site's refreshSeconds are that half.
            'data-idle-timeout-seconds' => $this->rcmail->config->get('session_lifetime') * 60,
        ]);
        $this->rcmail->output->add_footer($tag);
        return $args;
    }
}
